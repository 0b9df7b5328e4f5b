"""watchkeeper.toml, the environment and the options, in one checked object."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from watchkeeper.config import Config, ConfigError, load_config


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "watchkeeper.toml") -> Path:
    path = Path(name)
    path.write_text(text)
    return path


def test_without_a_file_the_defaults_hold() -> None:
    config = load_config()
    assert (config.server.host, config.server.port) == ("127.0.0.1", 8600)
    assert (config.server.otlp_http_port, config.server.otlp_grpc_port) == (4318, 4317)
    assert config.serving is None


def test_a_file_in_the_working_folder_is_read() -> None:
    write("[server]\nport = 9000\n[collector]\nmax_body_bytes = 4096\n")
    config = load_config()
    assert config.server.port == 9000
    assert config.collector.max_body_bytes == 4096


def test_an_option_goes_before_a_variable_and_that_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write("[server]\nport = 1001\notlp_http_port = 1002\notlp_grpc_port = 1003\n")
    monkeypatch.setenv("WATCHKEEPER_SERVER__PORT", "2001")
    monkeypatch.setenv("WATCHKEEPER_SERVER__OTLP_HTTP_PORT", "2002")
    server = load_config(options={"server": {"port": 3001}}).server
    assert (server.port, server.otlp_http_port, server.otlp_grpc_port) == (3001, 2002, 1003)


def test_the_configuration_cannot_be_changed() -> None:
    config = load_config()
    with pytest.raises(ValidationError):
        config.server.port = 1  # type: ignore[misc]
    with pytest.raises(ValidationError):
        config.serving = None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[servr]\n", "watchkeeper.toml: servr: unknown, did you mean server?"),
        ("[server]\notlp_htp_port = 1\n", "server.otlp_htp_port: unknown, did you mean otlp_http_port?"),
        ("[server]\nport = 70000\n", "server.port: input should be less than or equal to 65535, got 70000"),
        ("[server]\nport = 'high'\n", "watchkeeper.toml: server.port: "),
        ("[serving]\nmodel_path = 'm'\nmodel_nam = 'x'\n", "serving.model_nam: unknown, did you mean model_name?"),
        ("server = 5\n", "watchkeeper.toml: server: "),
        ("[server\n", "watchkeeper.toml: not TOML: "),
        ("[serving]\nport = 1\n", "serving.model_path: missing; set it in watchkeeper.toml or with --model"),
        (
            "[[evaluators.alerts.receivers]]\nname = 'on-call'\nurl = 'http://127.0.0.1/'\n",
            "evaluators.alerts.receivers[0].secret: missing; set it in watchkeeper.toml",
        ),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_is_named_with_the_file_and_the_key(text: str, says: str) -> None:
    write(text)
    with pytest.raises(ConfigError) as refusal:
        load_config()
    assert f"{says}\n" in f"{refusal.value}\n" if "missing" in says else says in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("WATCHKEEPER_SERVER__PORT", "high", "WATCHKEEPER_SERVER__PORT: server.port: "),
        ("WATCHKEEPER_SERVER__PROT", "1", "WATCHKEEPER_SERVER__PROT: server.prot: unknown, did you mean port?"),
        ("WATCHKEEPER_SERVR__PORT", "1", "WATCHKEEPER_SERVR__PORT: unknown, did you mean WATCHKEEPER_SERVER__...?"),
        ("WATCHKEEPER_SERVER", "{", "holds no JSON"),
    ],
)
def test_a_mistake_in_the_environment_is_named_with_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as refusal:
        load_config()
    assert says in str(refusal.value)


def test_what_kubernetes_adds_for_a_service_of_our_name_is_not_taken_for_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHKEEPER_PORT", "tcp://10.0.0.1:8600")
    monkeypatch.setenv("WATCHKEEPER_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("WATCHKEEPER_PORT_8600_TCP_ADDR", "10.0.0.1")
    assert load_config().server.port == 8600


def test_a_mistake_in_a_url_is_told_without_what_the_url_holds() -> None:
    write('[evaluators.judge]\nmodel = "m"\nbase_url = "https://me:hunter2@judge.example/v1"\n')
    with pytest.raises(ConfigError, match=r"evaluators\.judge\.base_url: must not carry a user") as refused:
        load_config()
    assert "hunter2" not in str(refused.value)


def test_every_mistake_is_told_at_once() -> None:
    write("[server]\nprot = 1\n[collector]\nmax_body_bytes = 0\n")
    with pytest.raises(ConfigError) as refusal:
        load_config()
    assert "server.prot" in str(refusal.value)
    assert "collector.max_body_bytes" in str(refusal.value)


def documented_keys() -> set[str]:
    """The keys in the tables of docs/configuration.md, as `section.key`."""
    text = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    keys, section = set(), ""
    for line in text.splitlines():
        if line.startswith("## `["):
            section = line.split("`")[1].strip("[]")
        elif line.startswith("| `"):
            keys.add(f"{section}.{line.split('`')[1]}")
    return keys


def settable_keys(model: type, prefix: str = "") -> set[str]:
    from collector.validation import model_in

    keys: set[str] = set()
    for name, field in model.model_fields.items():  # type: ignore[attr-defined]
        inner = model_in(field.annotation)
        keys |= settable_keys(inner, f"{prefix}{name}.") if inner else {f"{prefix}{name}"}
    return keys


def test_every_key_is_documented_and_no_other() -> None:
    assert documented_keys() == settable_keys(Config)
