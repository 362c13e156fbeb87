"""Checks requests and answers against Wazuh's own API description."""

import json
import re

import yaml

FORMATS = {
    "xml_filename_path": r"[\w\-]+\.xml",
    "cdb_filename_path": r"[\-\w]+",
    "names": r"[\w\-.%,]+",
    "get_dirnames_path": r"((etc|ruleset)/(decoders|rules)[\w\-/]*)|(etc/lists[\w\-/]*)",
    "alphanumeric": r"[\w,\-.+\s:]+",
    "search": r"[^;|&^*>]+",
    "sort": r"[\w_\-,\s+.]+",
}
"""The API's own formats, as far as requests of ours use them."""

UNTOLD = {("/cluster/{node_id}/configuration", "application/xml")}
"""What the API answers with and its description forgets: the raw file, as for the manager's own."""

TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}


class ViolationError(AssertionError):
    pass


class Spec:
    def __init__(self, path):
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.document = yaml.load(path.read_bytes(), Loader=loader)  # noqa: S506 - a safe loader
        self.paths = [
            (re.compile(re.sub(r"\\\{\w+\\\}", r"([^/]+)", re.escape(path))), path)
            for path in sorted(self.document["paths"], key=lambda item: item.count("{"))
        ]

    def resolve(self, node):
        while "$ref" in node:
            found = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def operation(self, method, path):
        for pattern, template in self.paths:
            match = pattern.fullmatch(path)
            if match:
                operations = self.document["paths"][template]
                if method.lower() not in operations:
                    raise ViolationError(f"{template} has no {method}")
                return operations[method.lower()], match.groups(), template
        raise ViolationError(f"there is no {path}")

    def check_request(self, method, path, query, headers, body):
        operation, values, _ = self.operation(method, path)
        parameters = [self.resolve(item) for item in operation.get("parameters", [])]
        in_path = [item for item in parameters if item["in"] == "path"]
        for item, value in zip(in_path, values, strict=True):
            self.check_text(item, value)
        known = {item["name"]: item for item in parameters if item["in"] == "query"}
        for name, value in query.items():
            if name not in known:
                raise ViolationError(f"{method} {path} has no parameter {name}")
            self.check_text(known[name], value)
        missing = [n for n, item in known.items() if item.get("required") and n not in query]
        if missing:
            raise ViolationError(f"{method} {path} needs {missing}")
        self.check_body(operation, method, path, headers, body)
        security = operation.get("security", self.document["security"])
        scheme = "Basic " if "basicAuth" in security[0] else "Bearer "
        if not headers.get("Authorization", "").startswith(scheme):
            raise ViolationError(f"{method} {path} needs {scheme}")

    def check_body(self, operation, method, path, headers, body):
        declared = self.resolve(operation.get("requestBody", {})).get("content", {})
        if body and headers.get("Content-Type") not in declared:
            raise ViolationError(f"{method} {path} takes {list(declared)}")
        if declared and not body:
            raise ViolationError(f"{method} {path} needs a body")

    def check_text(self, parameter, value):
        schema = self.resolve(parameter["schema"])
        name = parameter["name"]
        if schema["type"] == "array":
            for item in value.split(","):
                self.check_text({"name": name, "schema": schema["items"]}, item)
            return
        if schema["type"] == "boolean" and value not in {"true", "false"}:
            raise ViolationError(f"{name}={value} is no boolean")
        if schema["type"] == "integer":
            number = int(value)
            if not schema.get("minimum", number) <= number <= schema.get("maximum", number):
                raise ViolationError(f"{name}={value} is out of range")
        if "enum" in schema and value not in schema["enum"]:
            raise ViolationError(f"{name}={value} is none of {schema['enum']}")
        if schema["type"] != "string" or "format" not in schema:
            return
        if not re.fullmatch(FORMATS[schema["format"]], value):
            raise ViolationError(f"{name}={value} is no {schema['format']}")

    def check_answer(self, method, path, status, content_type, body):
        operation, _, template = self.operation(method, path)
        declared = operation["responses"].get(str(status))
        if declared is None:
            raise ViolationError(f"{method} {path} does not answer {status}")
        content = self.resolve(declared)["content"]
        if (template, content_type) in UNTOLD:
            return
        if content_type not in content:
            raise ViolationError(f"{method} {path} does not answer with {content_type}")
        if content_type == "application/json":
            self.check_value(content[content_type]["schema"], json.loads(body), f"{method} {path}")

    def check_value(self, schema, value, where):
        schema = self.resolve(schema)
        for part in schema.get("allOf", []):
            self.check_value(part, value, where)
        kind = schema.get("type")
        if kind == "object" or "properties" in schema:
            self.check_object(schema, value, where)
        elif kind in TYPES and not isinstance(value, TYPES[kind]):
            raise ViolationError(f"{where} is no {kind}")
        elif kind == "array":
            for item in value:
                self.check_value(schema.get("items", {}), item, f"{where}[]")
        if "enum" in schema and value not in schema["enum"]:
            raise ViolationError(f"{where}={value} is none of {schema['enum']}")

    def check_object(self, schema, value, where):
        if not isinstance(value, dict):
            raise ViolationError(f"{where} is no object")
        for name in schema.get("required", []):
            if name not in value:
                raise ViolationError(f"{where} lacks {name}")
        for name, inner in schema.get("properties", {}).items():
            if name in value and name != "failed_items":
                self.check_value(inner, value[name], f"{where}.{name}")
