#!/usr/bin/env python3
"""Evaluates the rules in CEL (x-kubernetes-validations) of every custom resource definition on objects that must pass and on
objects that must not, with Google's CEL runtime, which scripts/testbed/fetch-tools provides: check_rules.py FOLDER

The API server of the testbed is older than these rules and passes over them. Every rule must accept an object and refuse
one; objects that are refused break that rule alone. Prints how many were tried, or what is wrong."""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path[:0] = [str(pathlib.Path(__file__).parent), *sys.argv[1:2]]
import generate
from cel_expr_python import cel

# The least that the schemas ask for.
CERTIFICATE = {"secretName": "s", "issuerRef": {"name": "i"}, "dnsNames": ["a.example"]}
REQUEST = {"request": "YQ==", "issuerRef": {"name": "i"}}
ORDER = {"request": "YQ==", "issuerRef": {"name": "i"}}
CHALLENGE = {
    "authorizationURL": "https://a/1", "dnsName": "a.example", "issuerRef": {"name": "i"}, "key": "k", "solver": {}, "token": "t",
    "type": "HTTP-01", "url": "https://a/2"}


def without_names(**fields):
    return {**{name: value for name, value in CERTIFICATE.items() if name != "dnsNames"}, **fields}


# Objects that pass: a spec, or the one before and the one after.
ACCEPTED = {
    "Certificate": [
        CERTIFICATE, without_names(commonName="a"), without_names(literalSubject="CN=a"), without_names(uris=["a:b"]),
        without_names(emailAddresses=["a@b.example"]), without_names(ipAddresses=["10.0.0.1"]),
        without_names(otherNames=[{"oid": "1.2.3", "utf8Value": "a"}]),
        CERTIFICATE | {"literalSubject": "CN=a", "commonName": ""}, CERTIFICATE | {"literalSubject": "", "commonName": "a"},
        CERTIFICATE | {"duration": "1h"}, CERTIFICATE | {"duration": "60m0s"}, CERTIFICATE | {"duration": ""},
        CERTIFICATE | {"duration": "2160h0m0s", "renewBefore": "5m"}, CERTIFICATE | {"renewBefore": "300s"},
        CERTIFICATE | {"renewBefore": "", "renewBeforePercentage": 20}, CERTIFICATE | {"renewBeforePercentage": 1},
        CERTIFICATE | {"isCA": True, "nameConstraints": {"critical": True}}, CERTIFICATE | {"isCA": False},
        (CERTIFICATE, CERTIFICATE | {"duration": "2h"}),
    ],
    "CertificateRequest": [REQUEST, (REQUEST, dict(REQUEST)), REQUEST | {"isCA": True, "usages": ["any"]}],
    "Issuer": [{kind: {}} for kind in ("acme", "ca", "selfSigned", "vault", "venafi")] + [({"ca": {}}, {"selfSigned": {}})],
    "ClusterIssuer": [{kind: {}} for kind in ("acme", "ca", "selfSigned", "vault", "venafi")],
    "Order": [ORDER, (ORDER | {"dnsNames": ["a"]}, ORDER | {"dnsNames": ["a"]})],
    "Challenge": [CHALLENGE, (CHALLENGE, CHALLENGE | {"wildcard": False}), (CHALLENGE, CHALLENGE | {"solver": {"selector": {}}})],
}
# Objects that break one rule, named by a part of its message.
REFUSED = {
    "Certificate": {
        "at least one of": [
            without_names(), without_names(commonName="", literalSubject="", dnsNames=[], uris=[], emailAddresses=[],
                ipAddresses=[], otherNames=[])],
        "literalSubject and commonName": [CERTIFICATE | {"literalSubject": "CN=a", "commonName": "a"}],
        "renewBefore and renewBeforePercentage": [CERTIFICATE | {"renewBefore": "1h", "renewBeforePercentage": 20}],
        "nameConstraints need isCA": [
            CERTIFICATE | {"nameConstraints": {}}, CERTIFICATE | {"nameConstraints": {}, "isCA": False}],
        "duration must be at least 1h": [CERTIFICATE | {"duration": text} for text in ("59m59s", "0s", "-2h", "1ms")],
        "renewBefore must be at least 5m": [CERTIFICATE | {"renewBefore": text} for text in ("4m59s", "0s", "-1h")],
    },
    "CertificateRequest": {
        "the spec never changes": [
            (REQUEST, REQUEST | {"request": "Yg=="}), (REQUEST, REQUEST | {"isCA": True}),
            (REQUEST | {"usages": ["any"]}, REQUEST), (REQUEST, REQUEST | {"issuerRef": {"name": "j"}})]},
    "Issuer": {"exactly one of": [{}, {"ca": {}, "selfSigned": {}}, {"acme": {}, "vault": {}, "venafi": {}}]},
    "ClusterIssuer": {"exactly one of": [{}, {"ca": {}, "selfSigned": {}}]},
    "Order": {"the spec never changes": [(ORDER, ORDER | {"dnsNames": ["b"]}), (ORDER | {"profile": "a"}, ORDER)]},
    "Challenge": {
        "the spec never changes": [
            (CHALLENGE, CHALLENGE | {field: "other"})
            for field in ("authorizationURL", "dnsName", "key", "token", "type", "url")]},
}
ENVIRONMENT = cel.NewEnv(variables={"self": cel.Type.DYN, "oldSelf": cel.Type.DYN})


def rules(schema, value, old, path="spec"):
    """Those that the API server would evaluate for `value`; of a rule about `oldSelf` only where there is an old one."""
    for rule in schema.get("x-kubernetes-validations", []):
        if "oldSelf" not in rule["rule"] or old is not None:
            yield path, rule, value, old
    for name, part in schema.get("properties", {}).items():
        if isinstance(value, dict) and name in value:
            yield from rules(part, value[name], (old or {}).get(name), f"{path}.{name}")
    for index, item in enumerate(value if isinstance(value, list) else []):
        yield from rules(schema.get("items", {}), item, None, f"{path}[{index}]")


def all_rules(schema, path="spec"):
    for rule in schema.get("x-kubernetes-validations", []):
        yield path, rule["message"]
    for name, part in schema.get("properties", {}).items():
        yield from all_rules(part, f"{path}.{name}")
    if "items" in schema:
        yield from all_rules(schema["items"], f"{path}[]")


def broken(schema, example):
    """The places and messages of the rules that refuse it, and of those that were asked."""
    old, new = example if isinstance(example, tuple) else (None, example)
    refusing, asked = [], []
    for path, rule, value, before in rules(schema, new, old):
        result = ENVIRONMENT.compile(rule["rule"]).eval(data={"self": value, "oldSelf": before})
        place = ("".join(part if "]" not in part else "[]" + part.split("]")[1] for part in path.split("[")), rule["message"])
        asked.append(place)
        if result.value() is not True or result.type() != cel.Type.BOOL:
            refusing.append((*place, str(result.type())))
    return refusing, asked


def main():
    problems, tried = [], 0
    for definition in generate.all_crds():
        kind = definition["spec"]["names"]["kind"]
        schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
        accepting, refusing = set(), set()
        for example in ACCEPTED.get(kind, []):
            tried += 1
            found, asked = broken(schema, example)
            accepting.update(asked)
            problems += [f"{kind} {example} must pass, but: {each}" for each in found]
        for part, examples in REFUSED.get(kind, {}).items():
            for example in examples:
                tried += 1
                found, _ = broken(schema, example)
                if len(found) == 1 and part in found[0][1] and found[0][2] == str(cel.Type.BOOL):
                    refusing.add(found[0][:2])
                else:
                    problems.append(f"{kind} {example} must break the rule \"{part}\" alone, and breaks {found}")
        for place in all_rules(schema):
            if place not in accepting:
                problems.append(f"{kind}: no object in ACCEPTED asks the rule {place}: add one")
            if place not in refusing:
                problems.append(f"{kind}: no object in REFUSED breaks the rule {place}: add one")
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        sys.exit(1)
    print(f"{tried} objects were tried, and every rule accepts and refuses")


if __name__ == "__main__":
    main()
