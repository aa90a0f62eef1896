{{- define "certwright.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The base of every object's name: the release's own name where that already says what it is. */}}
{{- define "certwright.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "certwright.namespace" -}}
{{- default .Release.Namespace .Values.namespace }}
{{- end }}

{{- define "certwright.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "certwright.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* What finds the controller's pods. It never changes within a release, since a Deployment's selector cannot. */}}
{{- define "certwright.selectorLabels" -}}
app.kubernetes.io/name: {{ include "certwright.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end }}

{{/* Only what says whose an object is; `creator: static` leaves out what is true of Helm releases only. */}}
{{- define "certwright.commonLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- if eq .Values.creator "helm" }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}
{{- range $key, $value := .Values.global.commonLabels }}
{{ $key }}: {{ $value | quote }}
{{- end }}
{{- end }}

{{- define "certwright.labels" -}}
app: {{ include "certwright.name" . }}
{{ include "certwright.selectorLabels" . }}
{{ include "certwright.commonLabels" . }}
{{- end }}

{{/* The reference of an image: a dict of `root` and `image`. A repository given in full wins over registry and namespace. */}}
{{- define "certwright.image" -}}
{{- $image := .image }}
{{- $values := .root.Values }}
{{- $reference := "" }}
{{- if $image.repository }}
{{- $reference = $image.repository }}
{{- if $image.registry }}
{{- $reference = printf "%s/%s" $image.registry $reference }}
{{- end }}
{{- else }}
{{- $parts := list (default $values.imageRegistry $image.registry) $values.imageNamespace $image.name }}
{{- $reference = join "/" (compact $parts) }}
{{- end }}
{{- if $image.tag }}
{{- $reference = printf "%s:%s" $reference $image.tag }}
{{- else if not $image.digest }}
{{- $reference = printf "%s:%s" $reference .root.Chart.AppVersion }}
{{- end }}
{{- if $image.digest }}
{{- $reference = printf "%s@%s" $reference $image.digest }}
{{- end }}
{{- $reference }}
{{- end }}

{{/* What the schema cannot say. `global` is open there, because a parent chart may keep values of its own in it. */}}
{{- define "certwright.check" -}}
{{- if and .Values.installCRDs .Values.crds.enabled }}
{{- fail "installCRDs is the old name of crds.enabled: set crds.enabled only" }}
{{- end }}
{{- if and .Values.prometheus.servicemonitor.enabled .Values.prometheus.podmonitor.enabled }}
{{- fail "prometheus.servicemonitor.enabled and prometheus.podmonitor.enabled would have everything scraped twice: set one" }}
{{- end }}
{{- with .Values.podDisruptionBudget }}
{{- if and (hasKey . "minAvailable") (hasKey . "maxUnavailable") }}
{{- fail "podDisruptionBudget takes minAvailable or maxUnavailable, not both" }}
{{- end }}
{{- end }}
{{- if .Chart.IsRoot }}
{{- $known := list "commonLabels" "hostUsers" "imagePullSecrets" "leaderElection" "logLevel" "nodeSelector" }}
{{- $known = concat $known (list "podSecurityPolicy" "priorityClassName" "rbac" "revisionHistoryLimit" "runtimeClassName") }}
{{- range $key, $value := .Values.global }}
{{- if not (has $key $known) }}
{{- fail (printf "global.%s is not a value of this chart (it has global.%s)" $key (join ", global." $known)) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
