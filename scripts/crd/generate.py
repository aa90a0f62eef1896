#!/usr/bin/env python3
"""Writes the custom resource definitions to crds/ and their description to docs/api.md, or both to the folder given.
A test holds them to be current."""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import acme
import certificates
import issuers
import policies
import reference
from schema import string, text

READY = '.status.conditions[?(@.type == "Ready")].'
AGE = ("Age", ".metadata.creationTimestamp", 0)


HEADER = """\
# Written by scripts/crd/generate.py; change it there.
# Kubernetes before 1.30 knows no selectableFields, before 1.25 no x-kubernetes-validations, and works without:
# kubectl apply --validate=false.
"""


def condition(kind):
    return f'.status.conditions[?(@.type == "{kind}")].status'


def column(name, path, priority):
    kind = "date" if name == "Age" else "string"
    return {"jsonPath": path, "name": name, **({"priority": priority} if priority else {}), "type": kind}


def crd(kind, plural, group, about, spec, status, columns, short=(), cluster=False, required=(), by_issuer=True,
        served="v1"):
    singular = kind.lower()
    categories = ["cert-manager"] + (["cert-manager-acme"] if group.startswith("acme.") else [])
    selectable = [{"jsonPath": f".spec.issuerRef.{field}"} for field in ("group", "kind", "name")]
    schema = {
        "description": about, "type": "object",
        "properties": {
            "apiVersion": string("The version of the API this object is written in."),
            "kind": string("The kind of this object."),
            "metadata": {"type": "object"}, "spec": spec, **({"status": status} if status else {}),
        },
        **({"required": list(required)} if required else {}),
    }
    version = {
        "name": served, "served": True, "storage": True,
        "additionalPrinterColumns": [column(*c) for c in columns],
        "schema": {"openAPIV3Schema": schema},
        **({"selectableFields": selectable} if by_issuer else {}),
        **({"subresources": {"status": {}}} if status else {}),
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "labels": {"app.kubernetes.io/component": "crds", "app.kubernetes.io/name": "certwright"}},
        "spec": {
            "group": group,
            "names": {
                "categories": categories, "kind": kind, "listKind": f"{kind}List", "plural": plural,
                **({"shortNames": list(short)} if short else {}), "singular": singular},
            "preserveUnknownFields": False,
            "scope": "Cluster" if cluster else "Namespaced",
            "versions": [version],
        },
    }


def all_crds():
    cert, acme_group = "cert-manager.io", "acme.cert-manager.io"
    issuer_columns = [("Ready", READY + "status", 0), ("Status", READY + "message", 1), AGE]
    yield crd(
        "Certificate", "certificates", cert, "A certificate kept in a Secret: issued, and renewed in time.",
        certificates.spec(), certificates.status(),
        [
            ("Ready", READY + "status", 0), ("Secret", ".spec.secretName", 0), ("Issuer", ".spec.issuerRef.name", 1),
            ("Status", READY + "message", 1), ("Expiration", ".status.notAfter", 1), AGE,
        ], short=["cert", "certs"])
    yield crd(
        "CertificateRequest", "certificaterequests", cert, "One signing request for an issuer, and its answer.",
        certificates.request_spec(), certificates.request_status(),
        [
            ("Approved", condition("Approved"), 0), ("Denied", condition("Denied"), 0), ("Ready", condition("Ready"), 0),
            ("Issuer", ".spec.issuerRef.name", 0), ("Requester", ".spec.username", 0), ("Status", READY + "message", 1),
            AGE,
        ], short=["cr", "crs"])
    yield crd(
        "Issuer", "issuers", cert, "A signer of certificates for its own namespace.",
        issuers.spec(), issuers.status(), issuer_columns, short=["iss"], required=["spec"], by_issuer=False)
    yield crd(
        "ClusterIssuer", "clusterissuers", cert, "A signer of certificates for every namespace.",
        issuers.spec(), issuers.status(), issuer_columns, short=["ciss"], cluster=True, required=["spec"],
        by_issuer=False)
    yield crd(
        "CertificatePolicy", "certificatepolicies", "policy.certwright.dev",
        "Who may get which certificates: what the requests that it selects may ask for. Off until one exists.",
        policies.spec(), None, [AGE], cluster=True, required=["spec"], by_issuer=False, served="v1alpha1")
    yield crd(
        "Order", "orders", acme_group, "One ACME order for one CertificateRequest.",
        acme.order_spec(), acme.order_status(),
        [
            ("State", ".status.state", 0), ("Issuer", ".spec.issuerRef.name", 1), ("Reason", ".status.reason", 1), AGE,
        ], required=["metadata", "spec"])
    yield crd(
        "Challenge", "challenges", acme_group, "One proof of control over one name, for one Order.",
        acme.challenge_spec(), acme.challenge_status(),
        [
            ("State", ".status.state", 0), ("Domain", ".spec.dnsName", 0), ("Reason", ".status.reason", 1), AGE,
        ], required=["metadata", "spec"])


def main():
    root = pathlib.Path(__file__).parents[2]
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "crds"
    folder.mkdir(parents=True, exist_ok=True)
    for definition in all_crds():
        path = folder / f"{definition['metadata']['name']}.yaml"
        path.write_text(HEADER + text(definition) + "\n")
    description = folder / "api.md" if len(sys.argv) > 1 else root / "docs" / "api.md"
    description.write_text(reference.text(all_crds()))


if __name__ == "__main__":
    main()
