"""Runs calls on a real Nft in the network namespace it is started in: pickled steps as hex in, pickled outcomes as hex out."""

import pickle
import sys

from twisted.internet import task
from twisted.internet.defer import inlineCallbacks

from icsframework.dataplane.helperprobe import probe_kernel_helpers
from icsframework.dataplane.nft import Nft, open_library

OUTPUT = []


@inlineCallbacks
def main(reactor):
    """One step after the other; an error is an outcome too."""
    nft = Nft(reactor, library=open_library())
    for name, *arguments in pickle.loads(bytes.fromhex(sys.stdin.read())):
        try:
            if name == "probe":
                OUTPUT.append((yield probe_kernel_helpers(nft, *arguments)))
            else:
                OUTPUT.append((yield getattr(nft, name)(*arguments)))
        except Exception as error:
            OUTPUT.append(error)
    sys.stdout.write(pickle.dumps(OUTPUT).hex())


task.react(main)
