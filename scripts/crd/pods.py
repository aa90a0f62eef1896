"""The parts of core/v1 that a solver's pod template takes over: the pod's own words, structure as in Kubernetes."""
from schema import *

ATOMIC_MAP = {"x-kubernetes-map-type": "atomic"}


def requirement(keys):
    return obj(
        "One rule: a key, how it is compared, and with what.", ["key", "operator"],
        key=string(f"The {keys} key the rule is about."),
        operator=string("In, NotIn, Exists or DoesNotExist; for nodes also Gt and Lt."),
        values=strings("What to compare with; empty for Exists and DoesNotExist, one number for Gt and Lt."))


def node_selector_term():
    return obj(
        "A term that is met when all its rules are.", schema=ATOMIC_MAP,
        matchExpressions=items("Rules about the node's labels.", requirement("label")),
        matchFields=items("Rules about the node's fields.", requirement("field")))


def label_selector(text):
    return obj(
        text, schema=ATOMIC_MAP,
        matchLabels=mapping("Labels that must have exactly these values."),
        matchExpressions=items("Rules about labels; all must be met.", requirement("label")))


def pod_term():
    return obj(
        "A set of pods, and the topology in which they are near.", ["topologyKey"],
        labelSelector=label_selector("Which pods count; none when left out."),
        matchLabelKeys=strings("Keys of the new pod's labels whose values the counted pods must share."),
        mismatchLabelKeys=strings("Keys of the new pod's labels whose values the counted pods must not share."),
        namespaceSelector=label_selector("In which namespaces, by label; an empty selector means all."),
        namespaces=strings("In which namespaces, by name; the pod's own when this and the selector are left out."),
        topologyKey=string("The node label that says which nodes are near each other."))


def weighted_pod_term():
    return obj(
        "A wish with its weight.", ["podAffinityTerm", "weight"],
        podAffinityTerm=pod_term(),
        weight=integer("From 1 to 100: how much a node gains that meets the term.", 32))


def pod_affinity(text):
    return obj(
        text,
        preferredDuringSchedulingIgnoredDuringExecution=items(
            "Wishes: the node with the greatest sum of weights is preferred.", weighted_pod_term()),
        requiredDuringSchedulingIgnoredDuringExecution=items(
            "Demands: all must be met when the pod is placed.", pod_term()))


def affinity():
    return obj(
        "Where the pod may and should run, as in a Pod's spec.affinity.",
        nodeAffinity=obj(
            "Which nodes suit the pod.",
            preferredDuringSchedulingIgnoredDuringExecution=items(
                "Wishes: the node with the greatest sum of weights is preferred.",
                obj(
                    "A wish with its weight.", ["preference", "weight"],
                    preference=node_selector_term(),
                    weight=integer("From 1 to 100: how much a node gains that meets the term.", 32))),
            requiredDuringSchedulingIgnoredDuringExecution=obj(
                "Demands: the node must meet one of the terms.", ["nodeSelectorTerms"], schema=ATOMIC_MAP,
                nodeSelectorTerms=items("The terms, of which one suffices.", node_selector_term()))),
        podAffinity=pod_affinity("Which pods it should run near."),
        podAntiAffinity=pod_affinity("Which pods it should run away from."))


def template_metadata(text):
    return obj(
        text,
        annotations=mapping("Annotations to add; they win over ours."),
        labels=mapping("Labels to add; they win over ours."))


def security_context():
    return obj(
        "The pod's security context, in place of ours.",
        fsGroup=integer("The group that owns the pod's volumes.", 64),
        fsGroupChangePolicy=string("When the volumes' ownership is changed: OnRootMismatch or Always."),
        runAsGroup=integer("The group the containers run as.", 64),
        runAsNonRoot=boolean("Refuse to start containers that would run as root."),
        runAsUser=integer("The user the containers run as.", 64),
        seLinuxOptions=obj(
            "The SELinux context of the containers.",
            level=string("The SELinux level."), role=string("The SELinux role."),
            type=string("The SELinux type."), user=string("The SELinux user.")),
        seccompProfile=obj(
            "The seccomp profile of the containers.", ["type"],
            localhostProfile=string("The profile's file on the node, for type Localhost."),
            type=string("Localhost, RuntimeDefault or Unconfined.")),
        supplementalGroups=items(
            "Further groups of the containers' first process.", {"type": "integer", "format": "int64"}),
        sysctls=items(
            "Kernel parameters of the pod.",
            obj("One kernel parameter.", ["name", "value"], name=string("Its name."), value=string("Its value."))))


def pod_template():
    return obj(
        "Changes to the pods that answer HTTP-01 challenges.",
        metadata=template_metadata("Labels and annotations of the pods."),
        spec=obj(
            "The fields of a pod that may be set.",
            affinity=affinity(),
            imagePullSecrets=items(
                "Secrets with which the image is pulled.",
                obj("A Secret beside the pod.", schema=ATOMIC_MAP, name=string("The Secret's name.", default="")),
                "map", ["name"]),
            nodeSelector=mapping("Labels a node must have, beside kubernetes.io/os: linux."),
            priorityClassName=string("The pod's priority class."),
            resources=obj(
                "What the pod asks for and may use, in place of the controller's flags.",
                limits=mapping("Most it may use, by resource.", QUANTITY),
                requests=mapping("What it is given at least, by resource.", QUANTITY)),
            securityContext=security_context(),
            serviceAccountName=string("The service account of the pod."),
            tolerations=items(
                "Taints of nodes that the pod tolerates.",
                obj(
                    "Taints that are tolerated.",
                    effect=string("NoSchedule, PreferNoSchedule or NoExecute; all when left out."),
                    key=string("The taint's key; all when left out, with operator Exists."),
                    operator=string("Exists or Equal; Equal when left out."),
                    tolerationSeconds=integer("For how long a NoExecute taint is tolerated; for ever when left out.", 64),
                    value=string("The taint's value, for Equal.")))))
