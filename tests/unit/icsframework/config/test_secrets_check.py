"""The secrets of a configuration."""

from icsframework.config.loader import load
from icsframework.config.secrets_check import secrets_in
from icsframework.fields import Secret, SecretValue, Section


class Deep(Section):
    """Secrets at every depth."""

    plain: Secret
    several: tuple[Secret, ...] = ()
    named: dict[str, Secret] = {}  # noqa: RUF012 - pydantic copies it
    inner: tuple["Deep", ...] = ()


def test_secrets_are_found_at_every_depth():
    """With the path that leads to each."""
    model = Deep(plain="a", several=["b", "c"], named={"x": "d"}, inner=[{"plain": "e"}])
    assert [(path, secret.plain) for path, secret in secrets_in(model, ("top",))] == [
        (("top", "plain"), "a"),
        (("top", "several", 0), "b"),
        (("top", "several", 1), "c"),
        (("top", "named", "x"), "d"),
        (("top", "inner", 0, "plain"), "e"),
    ]
    assert list(secrets_in([SecretValue(env="A"), 5], ())) == [((0,), SecretValue(env="A"))]


def written(tmp_path, password, mode=0o600):
    """A configuration file with a dial-up uplink."""
    path = tmp_path / "g.yaml"
    path.write_text(
        "lans: [{interface: eth1}]\n"
        f"uplinks: [{{plugin: dialup, device: /dev/ttyS0, password: {password}, peers: {{isp: {password}}}}}]\n"
    )
    path.chmod(mode)
    return path


def test_a_secret_file_for_everybody_is_an_error_with_path_mode_and_command(tmp_path, plugins):
    """At the line that names it, in every place."""
    secret = tmp_path / "password"
    secret.write_text("hunter2\n")
    secret.chmod(0o644)
    path = written(tmp_path, f"{{file: {secret}}}")
    sentence = f"the secret {secret} can be read by everybody (mode 0644); run: chmod 600 {secret}"
    assert [
        str(problem).removeprefix(f"{path}:2:").partition(": ")[2] for problem in load(path, plugins).errors
    ] == [
        f"uplinks[0].password: {sentence}",
        f"uplinks[0].peers.isp: {sentence}",
    ]
    secret.chmod(0o600)
    assert load(path, plugins).errors == ()


def test_a_plain_secret_in_a_file_for_everybody_is_a_warning(tmp_path, plugins):
    """It is the operator's own file; the secret itself is not repeated."""
    result = load(written(tmp_path, "hunter2", 0o644), plugins)
    assert result.errors == ()
    assert [problem.message for problem in result.warnings] == [
        "a secret stands in this file, which everybody can read (mode 0644)"
    ] * 2
    assert "hunter2" not in f"{result}"
    assert load(written(tmp_path, "hunter2", 0o640), plugins).warnings == ()
