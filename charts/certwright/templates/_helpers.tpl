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

{{/* Of what belongs to no other component. */}}
{{- define "certwright.labels" -}}
{{- include "certwright.componentLabels" (dict "root" . "component" "controller") }}
{{- end }}

{{/*
The reference of an image: a dict of `root`, `image` and the `path` of that value. A repository given in full wins over
registry and namespace. The names that cert-manager's chart has as its defaults mean the defaults here.
*/}}
{{- define "certwright.image" -}}
{{- $image := .image }}
{{- $values := .root.Values }}
{{- $reference := "" }}
{{- if $image.repository }}
{{- if regexMatch "(^|/)cert-manager-(controller|webhook|cainjector|acmesolver|startupapicheck)$" $image.repository }}
{{- fail (printf "%s.repository is %s, an image of cert-manager, which this chart cannot run: leave it out, or name the repository where you keep Certwright's image" .path $image.repository) }}
{{- end }}
{{- $reference = $image.repository }}
{{- if $image.registry }}
{{- $reference = printf "%s/%s" $image.registry $reference }}
{{- end }}
{{- else }}
{{- $name := $image.name }}
{{- if regexMatch "^cert-manager-(controller|webhook|cainjector|acmesolver|startupapicheck)$" $name }}
{{- $name = ternary "acmesolver" "certwright" (eq $name "cert-manager-acmesolver") }}
{{- end }}
{{- $registry := ternary "ghcr.io" $values.imageRegistry (eq $values.imageRegistry "quay.io") }}
{{- $namespace := ternary "certwright" $values.imageNamespace (eq $values.imageNamespace "jetstack") }}
{{- if and $image.tag (regexMatch "^v1\\.[0-9]+\\.[0-9]+" $image.tag) }}
{{- fail (printf "%s.tag is %s, a version of cert-manager: leave it out for Certwright %s, which belongs to this chart" .path $image.tag .root.Chart.AppVersion) }}
{{- end }}
{{- $reference = join "/" (compact (list (default $registry $image.registry) $namespace $name)) }}
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

{{/* The namespaces that a webhook is asked about, as JSON: a dict of `root` and the `selector` of its values. */}}
{{- define "certwright.namespaceSelector" -}}
{{- $selector := default dict .selector }}
{{- with .root.Values.namespaces }}
{{- $ours := dict "key" "kubernetes.io/metadata.name" "operator" "In" "values" . }}
{{- $selector = merge (dict "matchExpressions" (append (default list $selector.matchExpressions) $ours)) $selector }}
{{- end }}
{{- toJson $selector }}
{{- end }}

{{/* What the schema cannot say. `global` is open there, because a parent chart may keep values of its own in it. */}}
{{- define "certwright.check" -}}
{{- if and .Values.installCRDs .Values.crds.enabled }}
{{- fail "installCRDs is the old name of crds.enabled: set crds.enabled only" }}
{{- end }}
{{- if and .Values.prometheus.servicemonitor.enabled .Values.prometheus.podmonitor.enabled }}
{{- fail "prometheus.servicemonitor.enabled and prometheus.podmonitor.enabled would have everything scraped twice: set one" }}
{{- end }}
{{- range $path, $values := dict "" .Values "webhook." .Values.webhook "cainjector." .Values.cainjector }}
{{- with $values.podDisruptionBudget }}
{{- if and (hasKey . "minAvailable") (hasKey . "maxUnavailable") }}
{{- fail (printf "%spodDisruptionBudget takes minAvailable or maxUnavailable, not both" $path) }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.webhook }}
{{- if and .enableClientVerification (not .clientCAFile) }}
{{- fail "webhook.enableClientVerification needs webhook.clientCAFile, a file that webhook.volumes and webhook.volumeMounts provide" }}
{{- end }}
{{- if and (not .enableClientVerification) (or .clientCAFile .apiserverClientCertSubjects) }}
{{- fail "webhook.clientCAFile and webhook.apiserverClientCertSubjects count only with webhook.enableClientVerification: set it to true" }}
{{- end }}
{{- if and .hostNetwork (eq (int .securePort) 10250) (not (default dict .config).securePort) }}
{{- fail "webhook.hostNetwork is true, and port 10250 of a node is the kubelet's: set webhook.securePort to a free one" }}
{{- end }}
{{- end }}
{{- if and .Values.clusterResourceNamespace .Values.namespaces }}
{{- fail "clusterResourceNamespace is about ClusterIssuers, which are left alone where namespaces are named: set one of the two" }}
{{- end }}
{{- if and .Values.namespaces (include "certwright.signsForKubernetes" .) }}
{{- fail "CertificateSigningRequests belong to the whole cluster: leave out namespaces, or the feature gate ExperimentalCertificateSigningRequestControllers" }}
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
