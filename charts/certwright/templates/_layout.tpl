{{/*
one: the controllers, the webhook and CA injection are one process. split: each has a Deployment, a service account and
rights of its own. `layout: auto` is one, until a value asks for what only pods of their own can have.
*/}}
{{- define "certwright.layout" -}}
{{- $reason := include "certwright.ownPods" . }}
{{- if and $reason (eq .Values.layout "one") }}
{{- fail (printf "layout is one, so the webhook and CA injection have no pods of their own, which %s is about: set layout to auto or split, or leave that value out" $reason) }}
{{- end }}
{{- if eq .Values.layout "auto" }}{{ ternary "split" "one" (ne $reason "") }}{{ else }}{{ .Values.layout }}{{ end }}
{{- end }}

{{/* Not empty where the layout is split. */}}
{{- define "certwright.split" -}}
{{- if eq (include "certwright.layout" .) "split" }}true{{ end }}
{{- end }}

{{/* The first value, by its path, that asks for pods of their own; empty where none does. */}}
{{- define "certwright.ownPods" -}}
{{- $found := list }}
{{- $defaults := .Files.Get "files/own-pods.yaml" | fromYaml }}
{{- $shared := dict "cainjector" (list "enabled") "webhook" (include "certwright.webhookValuesOfAnyLayout" . | splitList " ") }}
{{- range $part := list "cainjector" "webhook" }}
{{- $values := get $.Values $part }}
{{- range $key, $value := $values }}
{{- if and $values.enabled (not (has $key (get $shared $part))) (not (kindIs "invalid" $value)) }}
{{- $default := get (get $defaults $part) $key }}
{{- if and (eq $key "image") (hasPrefix "cert-manager-" ($value.name | default "")) }}
{{- $value = merge (dict "name" $default.name) (omit $value "name") }}
{{- end }}
{{- if not (or (eq (toJson $value) (toJson $default)) (and (empty $value) (empty $default) (not (kindIs "bool" $value)))) }}
{{- $found = append $found (printf "%s.%s" $part $key) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- with $found }}{{ first . }}{{ end }}
{{- end }}

{{/* What is the same wherever the webhook runs. */}}
{{- define "certwright.webhookValuesOfAnyLayout" -}}
enabled securePort timeoutSeconds validatingWebhookConfiguration mutatingWebhookConfiguration validatingWebhookConfigurationAnnotations mutatingWebhookConfigurationAnnotations serviceAnnotations serviceLabels serviceType loadBalancerIP serviceIPFamilies serviceIPFamilyPolicy url enableClientVerification apiserverClientCertSubjects clientCAFile
{{- end }}

{{/* The name of a component's objects: a dict of `root` and `component`. */}}
{{- define "certwright.componentName" -}}
{{- $name := include "certwright.fullname" .root }}
{{- if eq .component "controller" }}{{ $name }}{{ else }}{{ printf "%s-%s" ($name | trunc 47 | trimSuffix "-") .component }}{{ end }}
{{- end }}

{{/* The values of a component: a dict of `root` and `component`. The controller's are those without a prefix. */}}
{{- define "certwright.account" -}}
{{- $values := .root.Values }}
{{- if ne .component "controller" }}
{{- $values = get .root.Values .component }}
{{- end }}
{{- if $values.serviceAccount.create }}
{{- default (include "certwright.componentName" .) $values.serviceAccount.name }}
{{- else }}
{{- default "default" $values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* The labels of a component's objects and pods: a dict of `root` and `component`. */}}
{{- define "certwright.componentLabels" -}}
app: {{ include "certwright.name" .root }}
{{ include "certwright.componentSelector" . }}
{{ include "certwright.commonLabels" .root }}
{{- end }}

{{/* What finds a component's pods. It never changes within a release, since a Deployment's selector cannot. */}}
{{- define "certwright.componentSelector" -}}
app.kubernetes.io/name: {{ include "certwright.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* The components that have a Deployment, by name. */}}
{{- define "certwright.deployments" -}}
controller
{{- if include "certwright.split" . }}
{{- if .Values.webhook.enabled }} webhook{{ end }}
{{- if .Values.cainjector.enabled }} cainjector{{ end }}
{{- end }}
{{- end }}

{{/* The values of a component that has a Deployment, as JSON: a dict of `root` and `component`. */}}
{{- define "certwright.componentValues" -}}
{{- if eq .component "controller" }}
{{- omit .root.Values "global" "webhook" "cainjector" "acmesolver" "startupapicheck" "crds" | toJson }}
{{- else }}
{{- get .root.Values .component | toJson }}
{{- end }}
{{- end }}
