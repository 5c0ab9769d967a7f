"""The test kit for plugin authors: fakes of every contract, recording what is done with them."""
