#!/usr/bin/env python3
"""Writes what services answer, as TestState checks mocked results against it: one small table a service.

    python3 crates/gateway/models/generate.py        (needs botocore; made with the version named in NOTICE)

A table is one JSON text: {"operations": {action: shape}, "shapes": [shape, ...]}, in which a shape that is a
number is the one at that place of the list. Names are as Step Functions has them, in Pascal case.

    "s"                             a string, or what travels as one
    ["s", min, max]                 a string of so many characters
    ["e", word, ...]                one of these words
    "n", ["n", min, max]            a number
    "y"                             a boolean
    "x"                             anything
    ["b", min, max]                 a blob, as base64, of so many bytes
    ["l", item, min, max]           a list
    ["m", value]                    a map
    ["o", {name: shape}, [name]]    a structure, and which of its members must be there
"""
import gzip, json, pathlib
import botocore

FOLDER = pathlib.Path(__file__).resolve().parent
DATA = pathlib.Path(botocore.__file__).parent / "data"
SERVICES = """
apigateway athena batch bedrock bedrock-runtime cloudwatch codebuild comprehend databrew dynamodb ecr ecs eks emr
emr-containers emr-serverless events firehose glue iam kinesis kms lambda logs mediaconvert organizations polly
rds-data redshift-data rekognition s3 s3control sagemaker scheduler secretsmanager ses sesv2 sns sqs ssm
stepfunctions sts textract transcribe translate ec2
""".split()
# Blobs that Step Functions hands on as the JSON in them.
JSON_BLOBS = {("Lambda", "InvocationResponse", "Payload"), ("Bedrock Runtime", "InvokeModelResponse", "body")}
NUMBERS = {"integer", "long", "float", "double"}
# Where TestState on AWS goes by an older model than botocore's, as recorded (December 2025).
OLDER = {("Lambda", "MemorySize"): {"max": 10240}}
# Longer lists, such as the types of instances, grow every month: what is not in them is no mistake.
WORDS_MAX = 100


def load(service):
    version = sorted(path for path in (DATA / service).iterdir() if path.is_dir())[-1]
    with gzip.open(version / "service-2.json.gz") as text:
        return json.load(text)


def pascal(name):
    return name[:1].upper() + name[1:]


def bounded(letter, shape, *between):
    """The shape with its bounds, of which the last ones are left out when there are none."""
    bounds = [shape.get("min"), shape.get("max")]
    while bounds and bounds[-1] is None:
        bounds.pop()
    parts = [*between, *bounds]
    return [letter, *parts] if parts else letter


class Table:
    def __init__(self, model):
        self.model, self.service = model["shapes"], model["metadata"]["serviceId"]
        self.shapes, self.places, self.named = [], {}, {}

    def place(self, encoded):
        """An encoded shape's place; small ones stand where they are used."""
        if isinstance(encoded, str):
            return encoded
        key = json.dumps(encoded)
        if key not in self.places:
            self.places[key] = len(self.shapes)
            self.shapes.append(encoded)
        return self.places[key]

    def shape(self, name):
        shape = {**self.model[name], **OLDER.get((self.service, name), {})}
        kind = shape["type"]
        if kind == "string":
            words = shape.get("enum", [])
            if words:
                return self.place(["e", *words]) if len(words) <= WORDS_MAX else "s"
            return self.place(bounded("s", shape))
        if kind in NUMBERS:
            return self.place(bounded("n", shape))
        if kind == "blob":
            return self.place(bounded("b", shape))
        if kind == "timestamp":
            return "s"
        if kind == "boolean":
            return "y"
        if shape.get("document"):
            return "x"
        if name not in self.named:
            # Taken before its parts are looked at: a shape may hold itself.
            self.named[name] = len(self.shapes)
            self.shapes.append(None)
            self.shapes[self.named[name]] = self.compound(name, shape)
        return self.named[name]

    def compound(self, name, shape):
        if shape["type"] == "list":
            return bounded("l", shape, self.shape(shape["member"]["shape"]))
        if shape["type"] == "map":
            return ["m", self.shape(shape["value"]["shape"])]
        members = {
            pascal(member): "x" if (self.service, name, member) in JSON_BLOBS else self.shape(it["shape"])
            for member, it in shape.get("members", {}).items()
            if not self.model[it["shape"]].get("eventstream")
        }
        required = [pascal(member) for member in shape.get("required", []) if pascal(member) in members]
        return ["o", members, required] if required else ["o", members]


def encode(model):
    table = Table(model)
    operations = {
        name[:1].lower() + name[1:]: table.shape(operation["output"]["shape"]) if "output" in operation else ["o", {}]
        for name, operation in model["operations"].items()
    }
    # What a finished job is told as, where no operation answers with it alone.
    jobs = {"Batch": ["JobDetail"], "Glue": ["JobRun"], "ECS": ["Task"]}.get(table.service, [])
    operations.update({f"#{name}": table.shape(name) for name in jobs})
    return {"operations": operations, "shapes": table.shapes}


def main():
    total = 0
    for service in SERVICES:
        model = load(service)
        # The name by which `aws-sdk:` calls the service.
        name = model["metadata"]["serviceId"].lower().replace(" ", "")
        text = json.dumps(encode(model), separators=(",", ":"))
        (FOLDER / f"{name}.json").write_text(text + "\n")
        total += len(text)
        print(f"{name}: {len(text)}")
    print(f"{total} bytes, botocore {botocore.__version__}")


main()
