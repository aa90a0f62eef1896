"""Issuer and ClusterIssuer."""
from schema import *
from solvers import solver


def acme():
    return obj(
        "An account at an ACME server (RFC 8555).", ["privateKeySecretRef", "server"],
        caBundle=data("PEM certificates that the server is verified with; excludes skipTLSVerify."),
        disableAccountKeyGeneration=boolean("Never make an account key; it must be in the Secret already."),
        email=string("An address the CA may write to."),
        enableDurationFeature=boolean("Ask the CA for the Certificate's duration; many refuse orders that do."),
        externalAccountBinding=obj(
            "A key from the CA that ties the account to a customer.", ["keyID", "keySecretRef"],
            keyAlgorithm=enum("Ignored: HS256 is used always.", "HS256", "HS384", "HS512"),
            keyID=string("The key's id.", minLength=1),
            keySecretRef=secret_key("The key, base64url without padding.")),
        preferredChain=string(
            "The common name of the issuer at the end of the chain to prefer, where the CA offers several.",
            maxLength=64),
        privateKeySecretRef=secret_key("The account's key; made when missing. The key in the Secret is tls.key when left out."),
        profile=string("The CA's name for the kind of certificate wanted."),
        renewalInformationSource=string(
            "Whether the CA is asked when to renew (RFC 9773).", default="ARI", enum=["ARI", "None"]),
        server=string("The URL of the server's directory.", minLength=1),
        skipTLSVerify=boolean("Do not verify the server's certificate; for trials only."),
        solvers=items("How control of names is proven.", solver("One way to prove control of names.")))


def vault():
    return obj(
        "A PKI secrets engine of HashiCorp Vault.", ["auth", "path", "server"],
        auth=obj(
            "How to log in; at least one, of which the first in this order is used:"
            " tokenSecretRef, appRole, clientCertificate, kubernetes, aws.",
            appRole=obj(
                "With a role id and a secret id.", ["path", "roleId", "secretRef"],
                path=string("Where the method is mounted, such as approle."),
                roleId=string("The role id.", minLength=1),
                secretRef=secret_key("The secret id.")),
            aws=obj(
                "With an AWS identity.", ["role"],
                iamRoleArn=string("The IAM role to assume; needed with serviceAccountRef."),
                mountPath=string("Where the method is mounted; /v1/auth/aws when left out."),
                region=string("The region of STS."),
                role=string("The Vault role.", minLength=1),
                serviceAccountRef=service_account("A service account whose token assumes the IAM role."),
                vaultHeaderValue=string("The value of X-Vault-AWS-IAM-Server-ID.")),
            clientCertificate=obj(
                "With a TLS client certificate.",
                mountPath=string("Where the method is mounted; /v1/auth/cert when left out."),
                name=string("The certificate role; any that fits when left out."),
                secretName=string("A Secret of type kubernetes.io/tls.")),
            kubernetes=obj(
                "With a service account's token.", ["role"],
                mountPath=string("Where the method is mounted; /v1/auth/kubernetes when left out."),
                role=string("The Vault role.", minLength=1),
                secretRef=secret_key("A fixed token; excludes serviceAccountRef. The key is token when left out."),
                serviceAccountRef=service_account("Whose token is requested; excludes secretRef.")),
            tokenSecretRef=secret_key("A Vault token. The key is token when left out.")),
        caBundle=data("PEM certificates that the server is verified with; excludes caBundleSecretRef."),
        caBundleSecretRef=secret_key("The same from a Secret; excludes caBundle. The key is ca.crt when left out."),
        clientCertSecretRef=secret_key("The certificate shown to the server; goes with clientKeySecretRef."),
        clientKeySecretRef=secret_key("The key of the certificate shown to the server."),
        namespace=string("The namespace of Vault Enterprise."),
        path=string("Where requests are signed, such as pki/sign/role.", minLength=1),
        server=string("The server's URL.", minLength=1),
        serverName=string("The name the server's certificate is verified for; the URL's host when left out."))


def venafi():
    return obj(
        "A Venafi (CyberArk) server: exactly one of tpp, cloud and ngts.", ["zone"],
        # As a rule in CEL this would say it better, but Kubernetes before 1.25 knows none and kubectl refuses to send it.
        schema={"oneOf": [{"required": [kind]} for kind in ("cloud", "ngts", "tpp")]},
        cloud=obj(
            "The hosted control plane.", ["apiTokenSecretRef"],
            apiTokenSecretRef=secret_key("The API key. The key in the Secret is api-key when left out."),
            url=string("The base URL, where it is not the usual one.")),
        ngts=obj(
            "Next-generation trust security.", ["credentialsRef", "tsgID"],
            credentialsRef=local_reference("A Secret with client-id and client-secret."),
            tokenEndpoint=string("Where tokens are asked for, when not the usual place."),
            tsgID=string("The tenant service group's id.", minLength=1),
            url=string("The base URL, where it is not the usual one.")),
        tpp=obj(
            "A server of one's own.", ["credentialsRef", "url"],
            caBundle=data("PEM certificates that the server is verified with; excludes caBundleSecretRef."),
            caBundleSecretRef=secret_key("The same from a Secret; excludes caBundle. The key is ca.crt when left out."),
            credentialsRef=local_reference("A Secret with username and password, or access-token."),
            url=string("The vedsdk URL.", minLength=1)),
        zone=string("The policy folder or zone.", minLength=1))


def spec():
    kinds = ("acme", "ca", "selfSigned", "vault", "venafi")
    return obj(
        "Exactly one kind of issuer.",
        schema=rules(
            (
                "exactly one of acme, ca, selfSigned, vault and venafi must be set",
                " + ".join(f"(has(self.{kind}) ? 1 : 0)" for kind in kinds) + " == 1")),
        acme=acme(),
        ca=obj(
            "Sign with a key pair in a Secret.", ["secretName"],
            crlDistributionPoints=strings("URLs of revocation lists, written into certificates."),
            issuingCertificateURLs=strings("URLs of the CA's certificate, written into certificates."),
            ocspServers=strings("URLs of OCSP responders, written into certificates."),
            secretName=string("The Secret with tls.crt, tls.key and perhaps ca.crt.", minLength=1)),
        selfSigned=obj(
            "Sign each certificate with its own key.",
            crlDistributionPoints=strings("URLs of revocation lists, written into certificates.")),
        vault=vault(),
        venafi=venafi())


def status():
    return obj(
        "What was observed.",
        acme=obj(
            "The ACME account.",
            lastPrivateKeyHash=string("A digest of the key the account was registered with."),
            lastRegisteredEmail=string("The address the account was registered with."),
            uri=string("The account's URL.")),
        conditions=conditions("Conditions of type Ready."))
