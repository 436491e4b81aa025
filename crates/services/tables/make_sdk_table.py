"""Writes sdk.tsv: what `aws-sdk:<service>:<action>` needs to know of each service whose protocol is JSON.

The source is the public service models that botocore carries. Columns, separated by tabs:
service, SDK name, signing name, endpoint prefix, JSON version, target prefix, `lower` where members begin with a
small letter, members that are maps, members that are times, errors of the model.

    python3 crates/services/tables/make_sdk_table.py > crates/services/tables/sdk.tsv
"""

import gzip
import json
import pathlib
import re

import botocore


def sdk_name(service_id):
    """The name as the SDK for Java writes it: words, each with one capital."""
    text = re.sub(r"([a-z0-9]{2,})([A-Z])", r"\1 \2", service_id)
    text = re.sub(r"([A-Z])([A-Z][a-z])", r"\1 \2", text)
    return "".join(word[:1].upper() + word[1:].lower() for word in re.split(r"[^A-Za-z0-9]+", text) if word)


def members(shapes, wanted):
    found = set()
    for shape in shapes.values():
        for name, member in shape.get("members", {}).items():
            if wanted(shapes[member["shape"]]):
                found.add(name)
    return ",".join(sorted(found))


def is_map(shapes):
    """Whether a shape is a map, or a list of maps."""

    def check(shape):
        while shape["type"] == "list":
            shape = shapes[shape["member"]["shape"]]
        return shape["type"] == "map"

    return check


def line(model):
    meta, shapes = model["metadata"], model["shapes"]
    if "json" not in meta.get("protocols", [meta["protocol"]]) or "targetPrefix" not in meta:
        return None
    names = [name for shape in shapes.values() for name in shape.get("members", {})]
    lower = sum(name[:1].islower() for name in names) * 2 > len(names)
    errors = sorted(
        (shape.get("error", {}).get("code") or name) for name, shape in shapes.items() if shape.get("exception")
    )
    service = re.sub(r"[^a-z0-9]", "", meta["serviceId"].lower())
    return "\t".join([
        service, sdk_name(meta["serviceId"]), meta.get("signingName", meta["endpointPrefix"]), meta["endpointPrefix"],
        meta.get("jsonVersion", "1.0"), meta["targetPrefix"], "lower" if lower else "upper",
        members(shapes, is_map(shapes)),
        members(shapes, lambda shape: shape["type"] == "timestamp"),
        ",".join(errors),
    ])


data = pathlib.Path(botocore.__file__).parent / "data"
lines = []
for folder in sorted(data.iterdir()):
    versions = sorted(folder.glob("*/service-2.json.gz"))
    if versions:
        lines.append(line(json.loads(gzip.decompress(versions[-1].read_bytes()))))
print("\n".join(sorted(filter(None, lines))))
