"""The Compose file: what runs, and how it is fenced in. No Docker engine is needed: its text is checked."""

import json
import re

import jsonschema_rs
import pytest

from pipeline.records.topics import TOPICS
from tests.compose.stack import FOLDER, SPECIFICATION, document, services, variables, workers
from workers.cli.run import WORKERS

BROKERS = [name for name in services() if re.fullmatch(r"kafka-\d", name)]
JOBS = {"acls", "topics"}  # that end when they are done


@pytest.mark.skipif(not SPECIFICATION.is_file(), reason="needs the Compose specification in ../shared/specs")
def test_the_file_is_what_the_compose_specification_allows() -> None:
    validator = jsonschema_rs.validator_for(json.loads(SPECIFICATION.read_text()))
    assert [error.message for error in validator.iter_errors(document("compose.yaml"))] == []


def test_every_worker_runs_and_dispatch_and_statistics_more_than_once() -> None:
    run = {service["command"][-1]: service for service in workers().values() if service["command"][0] == "run"}
    assert run.keys() == WORKERS.keys()
    assert run["dispatch"]["deploy"]["replicas"] == run["stats"]["deploy"]["replicas"] == 2


def test_the_copies_of_a_record_fit_the_brokers() -> None:
    replication, in_sync = (int(variables()[f"ITHACA_KAFKA__{name}"]) for name in ("REPLICATION", "MIN_INSYNC"))
    assert len(BROKERS) == replication == 3
    assert in_sync == 2, "one broker may be away, and what is acknowledged is on two others"
    properties = (FOLDER / "kafka" / "server.properties").read_text()
    assert f"min.insync.replicas={in_sync}" in properties
    assert re.findall(r"replication\.factor=(\d)", properties) == ["3"] * 4


def test_every_topic_has_no_more_partitions_than_a_dispatcher_can_get_two_of() -> None:
    partitions = int(variables()["ITHACA_KAFKA__PARTITIONS"])
    assert partitions >= 2 * services()["dispatch"]["deploy"]["replicas"]
    assert all(topic.partitions in {None, 1} for topic in TOPICS)


def test_every_image_has_an_exact_tag() -> None:
    tags = {service["image"].rpartition(":")[2] for service in services().values()}
    assert all(re.fullmatch(r"v?\d+\.\d+\.\d+(-\w+)?", tag) for tag in tags)


@pytest.mark.parametrize("name", services())
def test_a_container_cannot_write_its_image_nor_gain_rights(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", sorted(services().keys() - JOBS - workers().keys()))
def test_what_is_not_ours_has_a_health_check(name: str) -> None:
    assert services()[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", sorted(services().keys() - workers().keys()))
def test_a_health_check_asks_no_proxy(name: str) -> None:
    check = services()[name].get("healthcheck", {}).get("test", [])
    if "wget" in check:  # BusyBox's own word for it
        assert check[check.index("wget") : check.index("--spider")] == ["wget", "-q", "-Y", "off"]
    assert "curl" not in " ".join(check)


@pytest.mark.parametrize("name", services())
def test_ports_are_published_on_this_machine_alone(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in services()[name].get("ports", ()))


def test_whatever_a_service_names_is_defined_and_used() -> None:
    whole = document("compose.yaml")
    secrets = {name for service in services().values() for name in service.get("secrets", ())}
    configs = {one["source"] for service in services().values() for one in service.get("configs", ())}
    volumes = {one.split(":")[0] for service in services().values() for one in service.get("volumes", ())}
    assert secrets == whole["secrets"].keys()
    assert configs == whole["configs"].keys()
    assert volumes == whole["volumes"].keys()


def test_every_file_that_is_mounted_is_there() -> None:
    missing = [
        one["file"] for one in document("compose.yaml")["configs"].values() if not (FOLDER / one["file"]).is_file()
    ]
    assert missing == []


@pytest.mark.parametrize("name", workers())
def test_a_worker_has_every_secret_that_the_settings_refer_to(name: str) -> None:
    service = workers()[name]
    text = " ".join([*variables().values(), *service["environment"].values()])
    assert set(re.findall(r"file:/run/secrets/([\w.-]+)", text)) | {"ca.pem"} == set(service["secrets"])


@pytest.mark.parametrize("name", sorted(workers().keys() - JOBS))
def test_a_worker_talks_to_kafka_as_itself_and_holds_no_other_password(name: str) -> None:
    service = workers()[name]
    assert service["environment"]["ITHACA_KAFKA__SASL_USERNAME"] == name
    assert [secret for secret in service["secrets"] if secret.startswith("kafka-")] == [f"kafka-{name}"]


def test_prometheus_finds_every_worker_on_the_port_that_it_listens_on() -> None:
    port = {value for name, value in variables().items() if name.endswith("__PORT")}
    jobs = document("prometheus/prometheus.yml")["scrape_configs"]
    asked = {(one["job_name"], *each["names"], str(each["port"])) for one in jobs for each in one["dns_sd_configs"]}
    assert len(port) == 1
    assert asked == {(name, name, *port) for name in workers().keys() - JOBS}
