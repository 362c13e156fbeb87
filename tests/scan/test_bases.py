import pytest

from wazuh_pack.reports.findings import Artifact
from wazuh_pack.scan.bases import objections

LAYER = "sha256:" + "d" * 64
IMAGE = Artifact(
    "shop/web:1",
    "container_image",
    os="debian 12.5",
    base="registry.example.org/base/debian:12",
    layers=(LAYER, "sha256:" + "e" * 64),
)


@pytest.mark.parametrize(
    "approved", ["registry.example.org/base/*", "debian 12*", LAYER, "*/debian:12"]
)
def test_a_base_is_approved_by_name_system_or_layer(approved):
    assert objections(IMAGE, ("alpine *", approved)) == ()


@pytest.mark.parametrize(
    "approved", ["registry.example.org/other/*", "debian 13*", LAYER[:-1] + "0"]
)
def test_anything_else_is_not_approved(approved):
    assert objections(IMAGE, (approved,)) == ("not_approved",)


def test_an_image_that_does_not_say_is_not_approved_by_a_name():
    silent = Artifact("shop/web:1", "container_image")

    assert objections(silent, ("registry.example.org/*",)) == ("not_approved",)
    assert objections(silent, ()) == ()


def test_end_of_life_is_told_of_everything_that_has_a_system():
    old = Artifact("/", "rootfs", os="debian 9.13", end_of_life=True)

    assert objections(old, ("alpine *",)) == ("end_of_life",)
