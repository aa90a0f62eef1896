"""The solver stanza, the same in Issuers, ClusterIssuers and Challenges."""
from schema import *
from pods import pod_template, template_metadata

DNS_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
SERVICE_TYPES = ["", "ClusterIP", "NodePort"]
SERVICE_TYPE = "The type of the Service before the pod: ClusterIP or NodePort; NodePort when left out."


def gateway():
    return obj(
        "Answer through an HTTPRoute of the Gateway API.",
        labels=mapping("Labels of the HTTPRoute."),
        parentRefs=items(
            "What the route attaches to.",
            obj(
                "A Gateway or ListenerSet.", ["name"],
                group=string(
                    "Its API group; the empty string is the core group.", default="gateway.networking.k8s.io",
                    maxLength=253, pattern=f"^$|^{DNS_SUBDOMAIN}$"),
                kind=string(
                    "Its kind.", default="Gateway", maxLength=63, minLength=1,
                    pattern="^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$"),
                name=string("Its name.", maxLength=253, minLength=1),
                namespace=string(
                    "Its namespace; the route's own when left out.", maxLength=63, minLength=1,
                    pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"),
                port=integer("The port of the listener to attach to; any when left out.", 32, maximum=65535, minimum=1),
                sectionName=string(
                    "The listener to attach to; any when left out.", maxLength=253, minLength=1,
                    pattern=f"^{DNS_SUBDOMAIN}$"))),
        podTemplate=pod_template(),
        serviceType=enum(SERVICE_TYPE, *SERVICE_TYPES))


def ingress():
    return obj(
        "Answer through an Ingress. At most one of class, ingressClassName and name may be set.",
        class_=string("The value of the annotation kubernetes.io/ingress.class on the Ingress we make."),
        ingressClassName=string("The spec.ingressClassName of the Ingress we make.", maxLength=253),
        ingressTemplate=obj(
            "Changes to the Ingress we make.", metadata=template_metadata("Labels and annotations of the Ingress.")),
        name=string("An existing Ingress that gets the challenge's path, instead of making one."),
        podTemplate=pod_template(),
        serviceType=enum(SERVICE_TYPE, *SERVICE_TYPES))


def azure():
    return obj(
        "Azure DNS.", ["resourceGroupName", "subscriptionID"],
        clientID=string("The service principal's client id; goes with clientSecretSecretRef and tenantID."),
        clientSecretSecretRef=secret_key("The service principal's secret."),
        environment=enum(
            "Which Azure cloud; AzurePublicCloud when left out.", "AzurePublicCloud", "AzureChinaCloud",
            "AzureGermanCloud", "AzureUSGovernmentCloud"),
        hostedZoneName=string("The zone; derived from the record's name when left out."),
        managedIdentity=obj(
            "A managed identity, instead of a service principal.",
            clientID=string("The identity's client id; excludes resourceID."),
            resourceID=string("The identity's resource id; excludes clientID."),
            tenantID=string("The identity's tenant; needs clientID.")),
        resourceGroupName=string("The resource group of the zone."),
        subscriptionID=string("The subscription of the zone."),
        tenantID=string("The service principal's tenant."),
        zoneType=enum(
            "Public or private zones; AzurePublicZone when left out.", "AzurePublicZone", "AzurePrivateZone"))


def route53():
    return obj(
        "AWS Route 53.",
        accessKeyID=string("The access key's id; excludes accessKeyIDSecretRef."),
        accessKeyIDSecretRef=secret_key("The access key's id; excludes accessKeyID."),
        auth=obj(
            "How to authenticate.", ["kubernetes"],
            kubernetes=obj(
                "With the token of a service account (AssumeRoleWithWebIdentity).", ["serviceAccountRef"],
                serviceAccountRef=service_account("Whose token; its audience is sts.amazonaws.com unless others are set."))),
        hostedZoneID=string("The zone's id; looked up when left out."),
        region=string("The AWS region."),
        role=string("A role to assume."),
        secretAccessKeySecretRef=secret_key("The access key's secret."))


def dns01():
    return obj(
        "Answer with a TXT record. Exactly one provider must be set.",
        acmeDNS=obj(
            "An acme-dns server.", ["accountSecretRef", "host"],
            accountSecretRef=secret_key("The accounts, as JSON by domain."),
            host=string("The server's URL.")),
        akamai=obj(
            "Akamai Edge DNS.",
            ["accessTokenSecretRef", "clientSecretSecretRef", "clientTokenSecretRef", "serviceConsumerDomain"],
            accessTokenSecretRef=secret_key("The EdgeGrid access token."),
            clientSecretSecretRef=secret_key("The EdgeGrid client secret."),
            clientTokenSecretRef=secret_key("The EdgeGrid client token."),
            serviceConsumerDomain=string("The EdgeGrid host.")),
        azureDNS=azure(),
        cloudDNS=obj(
            "Google Cloud DNS.", ["project"],
            hostedZoneName=string("The managed zone's name; looked up when left out."),
            project=string("The project of the zone."),
            serviceAccountSecretRef=secret_key("A service account key; the environment's credentials when left out.")),
        cloudflare=obj(
            "Cloudflare.",
            apiKeySecretRef=secret_key("The global API key; needs email and excludes apiTokenSecretRef."),
            apiTokenSecretRef=secret_key("A scoped API token."),
            email=string("The account's email address.")),
        cnameStrategy=enum(
            "What a CNAME at the challenge's name means: None ignores it, Follow writes the record at its target."
            " None when left out.", "None", "Follow"),
        digitalocean=obj("DigitalOcean.", ["tokenSecretRef"], tokenSecretRef=secret_key("An API token.")),
        nameservers=strings(
            "Resolvers asked by this solver's self-check, each host:port or an https URL (RFC 8484);"
            " the controller's when left out."),
        rfc2136=obj(
            "Any server that takes dynamic updates (RFC 2136).", ["nameserver"],
            nameserver=string("The server, host or host:port; IPv6 addresses in brackets."),
            protocol=enum("How updates travel; UDP when left out.", "TCP", "UDP"),
            tsigAlgorithm=string(
                "How updates are signed (RFC 8945): HMACMD5, HMACSHA1, HMACSHA256 or HMACSHA512, in any case;"
                " HMACMD5 when left out."),
            tsigKeyName=string("The name of the TSIG key; goes with tsigSecretSecretRef."),
            tsigSecretSecretRef=secret_key("The TSIG key, in base64.")),
        route53=route53(),
        webhook=obj(
            "A provider outside of this controller, behind an aggregated API.", ["groupName", "solverName"],
            config=any_json("Passed on to the provider as it is."),
            groupName=string("The API group under which the provider is reached."),
            solverName=string("The provider's resource name in that group.", minLength=1)))


def solver(text):
    return obj(
        text,
        dns01=dns01(),
        http01=obj(
            "Answer over HTTP at the name itself. Exactly one member must be set.",
            gatewayHTTPRoute=gateway(), ingress=ingress()),
        selector=obj(
            "Which names it is for; all that no better selector matches when left out.",
            dnsNames=strings("Names it is for, exactly; a wildcard matches only itself."),
            dnsZones=strings("Zones it is for, with all names below; the longest match wins."),
            matchLabels=mapping("Labels that the Certificate must have.")),
        waitInsteadOfSelfCheck=string(
            "Skip the self-check and wait this long after presenting, a Go duration such as 2m."))
