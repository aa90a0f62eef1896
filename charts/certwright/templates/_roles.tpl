{{/*
What each account may do: one ClusterRole for each concern, bound to it by a ClusterRoleBinding of the same name
(controller-rbac.yaml). Where `namespaces` are named, what is about objects in a namespace is a Role in each of them instead.
Nothing here is for users. A process with several parts has the rights of them all.
*/}}
{{- define "certwright.concerns.controller" -}}
{{- $split := include "certwright.split" . -}}
issuers{{ if not .Values.namespaces }} clusterissuers{{ end }} certificates secrets acme http01{{ if not .Values.namespaces }} ingress-classes{{ end }} ingress-shim
{{- if include "certwright.usesGatewayAPI" . }} gateway-api{{ end }}
{{- if include "certwright.usesTraefikRoutes" . }} traefik-routes{{ end }}
{{- if include "certwright.signsForKubernetes" . }} signing-requests{{ end }} events{{ if not .Values.disableAutoApproval }} approve{{ end }}
{{- if and .Values.webhook.enabled (not $split) }} webhook{{ end }}
{{- if and .Values.cainjector.enabled (not $split) }} injection{{ end }}
{{- end }}

{{- define "certwright.concerns.webhook" -}}
webhook advice
{{- end }}

{{- define "certwright.concerns.cainjector" -}}
injection sources events
{{- end }}

{{/* Those that are about objects in a namespace, and nothing else. */}}
{{- define "certwright.namespacedConcerns" -}}
issuers certificates secrets acme http01 ingress-shim gateway-api traefik-routes events advice sources
{{- end }}

{{/* Not empty where a flag switches the Gateway API on: else the rights that it takes are not given. */}}
{{- define "certwright.usesGatewayAPI" -}}
{{- $config := default dict .Values.config }}
{{- if or (has "--enable-gateway-api" .Values.extraArgs) (has "--enable-gateway-api=true" .Values.extraArgs) $config.enableGatewayAPI -}}
true
{{- end }}
{{- end }}

{{/* Not empty where a flag lets TLS-ALPN-01 be routed by Traefik. */}}
{{- define "certwright.usesTraefikRoutes" -}}
{{- if or (has "--enable-traefik-routes" .Values.extraArgs) (has "--enable-traefik-routes=true" .Values.extraArgs) -}}
true
{{- end }}
{{- end }}

{{/* Not empty where the feature gate has CertificateSigningRequests of certificates.k8s.io served. */}}
{{- define "certwright.signsForKubernetes" -}}
{{- $gate := "ExperimentalCertificateSigningRequestControllers" }}
{{- if or (contains (printf "%s=true" $gate) (printf "%v %v" .Values.extraArgs .Values.featureGates)) (get (default dict (default dict .Values.config).featureGates) $gate) -}}
true
{{- end }}
{{- end }}

{{- define "certwright.rules.issuers" -}}
# Issuers are read, and told whether they are ready.
- apiGroups: [cert-manager.io]
  resources: [issuers]
  verbs: [get, list, watch]
- apiGroups: [cert-manager.io]
  resources: [issuers/status]
  verbs: [patch]
{{- end }}

{{- define "certwright.rules.clusterissuers" -}}
- apiGroups: [cert-manager.io]
  resources: [clusterissuers]
  verbs: [get, list, watch]
- apiGroups: [cert-manager.io]
  resources: [clusterissuers/status]
  verbs: [patch]
{{- end }}

{{- define "certwright.rules.certificates" -}}
# Certificates get requests, and requests get answers. The finalizers are what an API server that enforces
# OwnerReferencesPermissionEnforcement asks for before an owner reference may block the owner's deletion. A Certificate is
# patched to remember what of it is being revoked, a request to remember what a Venafi server calls it.
- apiGroups: [cert-manager.io]
  resources: [certificates]
  verbs: [get, list, watch, patch]
- apiGroups: [cert-manager.io]
  resources: [certificaterequests]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [cert-manager.io]
  resources: [certificates/status, certificaterequests/status]
  verbs: [patch]
- apiGroups: [cert-manager.io]
  resources: [certificates/finalizers, certificaterequests/finalizers]
  verbs: [update]
{{- end }}

{{- define "certwright.rules.secrets" -}}
# Private keys and certificates are kept in Secrets, and issuers read their credentials from them.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch, delete]
{{- end }}

{{- define "certwright.rules.acme" -}}
# The steps of an ACME order. Only the controller makes these: a Challenge of a user's making could use an issuer's
# credentials for names that are not the user's. An order is patched to remember the CA's limits that it has met.
- apiGroups: [acme.cert-manager.io]
  resources: [orders, challenges]
  verbs: [get, list, watch, create, patch]
- apiGroups: [acme.cert-manager.io]
  resources: [challenges]
  verbs: [delete]
- apiGroups: [acme.cert-manager.io]
  resources: [orders/status, challenges/status]
  verbs: [patch]
- apiGroups: [acme.cert-manager.io]
  resources: [orders/finalizers, challenges/finalizers]
  verbs: [update]
{{- end }}

{{- define "certwright.rules.http01" -}}
# What answers an HTTP-01 challenge: a pod, a Service before it, and the way in. They are listed to find those that nobody
# needs any more.
- apiGroups: [""]
  resources: [pods, services]
  verbs: [get, list, create, delete]
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [get, list, create, patch, delete]
# OpenShift asks for this before an Ingress may name a host.
- apiGroups: [route.openshift.io]
  resources: [routes/custom-host]
  verbs: [create]
{{- end }}

{{- define "certwright.rules.ingress-classes" -}}
# A challenge that nobody sees is told why: the class that its solver names may not be there.
- apiGroups: [networking.k8s.io]
  resources: [ingressclasses]
  verbs: [get]
{{- end }}

{{- define "certwright.rules.ingress-shim" -}}
# Annotated Ingresses get Certificates.
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [get, list, watch]
- apiGroups: [networking.k8s.io]
  resources: [ingresses/finalizers]
  verbs: [update]
- apiGroups: [cert-manager.io]
  resources: [certificates]
  verbs: [get, list, watch, create, patch, delete]
{{- end }}

{{- define "certwright.rules.gateway-api" -}}
# Annotated Gateways and ListenerSets get Certificates.
- apiGroups: [gateway.networking.k8s.io]
  resources: [gateways, listenersets]
  verbs: [get, list, watch]
- apiGroups: [gateway.networking.k8s.io]
  resources: [gateways/finalizers, listenersets/finalizers]
  verbs: [update]
- apiGroups: [gateway.networking.x-k8s.io]
  resources: [xlistenersets]
  verbs: [get, list, watch]
- apiGroups: [gateway.networking.x-k8s.io]
  resources: [xlistenersets/finalizers]
  verbs: [update]
# The way in to what answers an HTTP-01 challenge.
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list, create, patch, delete]
# The way in to what answers a TLS-ALPN-01 challenge.
- apiGroups: [gateway.networking.k8s.io]
  resources: [tlsroutes]
  verbs: [get, create, delete]
{{- end }}

{{- define "certwright.rules.traefik-routes" -}}
# The way in to what answers a TLS-ALPN-01 challenge, where Traefik is in front.
- apiGroups: [traefik.io]
  resources: [ingressroutetcps]
  verbs: [get, create, delete]
{{- end }}

{{- define "certwright.rules.signing-requests" -}}
# Issuers sign what the cluster's own API is asked for. The finalizers are for Orders, which such a request owns. A request
# is patched to remember what a Venafi server calls it.
- apiGroups: [certificates.k8s.io]
  resources: [certificatesigningrequests]
  verbs: [get, list, watch, patch]
- apiGroups: [certificates.k8s.io]
  resources: [certificatesigningrequests/status]
  verbs: [patch]
- apiGroups: [certificates.k8s.io]
  resources: [certificatesigningrequests/finalizers]
  verbs: [update]
- apiGroups: [certificates.k8s.io]
  resources: [signers]
  verbs: [sign]
  resourceNames:
    - issuers.cert-manager.io/*
    - clusterissuers.cert-manager.io/*
# Whether the requester may use the issuer of a namespace is asked of the API server.
- apiGroups: [authorization.k8s.io]
  resources: [subjectaccessreviews]
  verbs: [create]
{{- end }}

{{- define "certwright.rules.injection" -}}
# CA bundles are put where an annotation asks for them.
- apiGroups: [admissionregistration.k8s.io]
  resources: [validatingwebhookconfigurations, mutatingwebhookconfigurations]
  verbs: [get, list, watch, patch]
- apiGroups: [apiregistration.k8s.io]
  resources: [apiservices]
  verbs: [get, list, watch, patch]
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  verbs: [get, list, watch, patch]
{{- end }}

{{- define "certwright.rules.sources" -}}
# Where CA bundles come from.
- apiGroups: [cert-manager.io]
  resources: [certificates]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch]
{{- end }}

{{- define "certwright.rules.advice" -}}
# Whoever names an issuer that is not there is warned.
- apiGroups: [cert-manager.io]
  resources: [issuers{{ if not .Values.namespaces }}, clusterissuers{{ end }}]
  verbs: [get]
{{- end }}

{{- define "certwright.rules.events" -}}
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{- define "certwright.rules.webhook" -}}
# Whether somebody may approve a request is asked of the API server.
- apiGroups: [authorization.k8s.io]
  resources: [subjectaccessreviews]
  verbs: [create]
# The webhook's own CA goes into its own configurations.
- apiGroups: [admissionregistration.k8s.io]
  resources: [validatingwebhookconfigurations, mutatingwebhookconfigurations]
  resourceNames: [{{ include "certwright.componentName" (dict "root" . "component" "webhook") }}]
  verbs: [get, patch]
{{- end }}

{{- define "certwright.rules.approve" -}}
# Whose requests the controller approves by itself.
- apiGroups: [cert-manager.io]
  resources: [signers]
  verbs: [approve]
  {{- with .Values.approveSignerNames }}
  resourceNames:
    {{- toYaml . | nindent 4 }}
  {{- end }}
# Policies say whose requests are approved, once there are any.
- apiGroups: [policy.certwright.dev]
  resources: [certificatepolicies]
  verbs: [get, list, watch]
# It asks the API server whether it may, as any account may ask about itself.
- apiGroups: [authorization.k8s.io]
  resources: [selfsubjectaccessreviews]
  verbs: [create]
{{- end }}
