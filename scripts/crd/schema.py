"""A small vocabulary for OpenAPI v3 structural schemas, and the YAML they are written as."""


def prop(kind, text, **extra):
    return {"description": text, "type": kind, **extra}


def string(text, **extra):
    return prop("string", text, **extra)


def enum(text, *values):
    return string(text, enum=list(values))


def boolean(text):
    return prop("boolean", text)


def integer(text, bits=None, **extra):
    return prop("integer", text, **({"format": f"int{bits}"} if bits else {}), **extra)


def time(text):
    return string(text, format="date-time")


def data(text):
    return string(text, format="byte")


def items(text, item, kind="atomic", keys=None):
    return prop(
        "array", text, items=item, **({"x-kubernetes-list-map-keys": keys} if keys else {}),
        **{"x-kubernetes-list-type": kind})


def strings(text, **extra):
    return items(text, {"type": "string", **extra})


def mapping(text, value=None):
    return prop("object", text, additionalProperties=value or {"type": "string"})


def any_json(text):
    return {"description": text, "x-kubernetes-preserve-unknown-fields": True}


QUANTITY = {
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "pattern": r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$",
    "x-kubernetes-int-or-string": True,
}


def obj(text, required=(), schema=None, **fields):
    """An object; `required` names fields, a trailing underscore in a field's name is dropped (`class_`)."""
    fields = {name.rstrip("_"): value for name, value in fields.items()}
    missing = set(required) - set(fields)
    assert not missing, missing
    return {
        "description": text, "type": "object", "properties": dict(sorted(fields.items())),
        **({"required": sorted(required)} if required else {}), **(schema or {}),
    }


def rules(*pairs):
    """Rules in CEL, each a message and an expression, for `obj(schema=…)`. Only at the top of a spec: there the API server
    can bound what they cost. Kubernetes before 1.25 drops them."""
    return {"x-kubernetes-validations": [{"message": message, "rule": rule} for message, rule in pairs]}


def filled(field, empty='""'):
    """In CEL: that a string, or with `empty` a list, is there and not empty."""
    test = f"self.{field} != {empty}" if empty == '""' else f"size(self.{field}) > 0"
    return f"(has(self.{field}) && {test})"


def secret_key(text):
    return obj(
        text + " Names a Secret and one of its keys.", ["name"],
        name=string("The Secret's name."),
        key=string("The key in the Secret's data. Some users of this reference assume one when it is left out."))


def local_reference(text):
    return obj(text, ["name"], name=string("The object's name."))


def service_account(text):
    return obj(
        text, ["name"],
        name=string("The service account's name."),
        audiences=strings("Further audiences of the token that is requested."))


def issuer_ref(text):
    return obj(
        text, ["name"],
        name=string("The issuer's name.", minLength=1),
        kind=string("The issuer's kind; Issuer when left out."),
        group=string("The API group of the issuer's kind; cert-manager.io when left out."))


def conditions(text, generation=True):
    fields = dict(
        type=string("What the condition is about."),
        status=enum("Whether it holds.", "True", "False", "Unknown"),
        reason=string("One word in CamelCase for programs: why the status is what it is."),
        message=string("A sentence for people: what is so, and what happens next."),
        lastTransitionTime=time("When the status last changed."))
    if generation:
        fields["observedGeneration"] = integer(
            "The metadata.generation of the object when this was observed.", 64)
    return items(text, obj("One observed truth about the object.", ["type", "status"], **fields), "map", ["type"])


def text(value, indent=0):
    """YAML of nested dicts, lists and scalars, keys in the order given."""
    pad = "  " * indent
    if isinstance(value, dict):
        lines = []
        for key, inner in value.items():
            if isinstance(inner, (dict, list)) and inner:
                # A list stands level with its key, as kubectl writes it.
                lines.append(f"{pad}{key}:\n{text(inner, indent + (0 if isinstance(inner, list) else 1))}")
            else:
                lines.append(f"{pad}{key}: {scalar(inner)}")
        return "\n".join(lines)
    lines = []
    for inner in value:
        if isinstance(inner, dict) and inner:
            body = text(inner, indent + 1)
            lines.append(f"{pad}- {body.lstrip()}")
        else:
            lines.append(f"{pad}- {scalar(inner)}")
    return "\n".join(lines)


def scalar(value):
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if value == {}:
        return "{}"
    plain = value and value.replace(" ", "").replace("-", "").replace("/", "").replace(".", "").isalnum()
    ambiguous = value in ("True", "False", "true", "false", "null", "yes", "no", "on", "off") or value[:1].isdigit()
    if plain and not ambiguous and value[0].isalpha() and value == value.strip():
        return value
    return "'" + value.replace("'", "''") + "'"
