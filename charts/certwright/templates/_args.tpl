{{/*
The flags of each program. extraArgs come last: of a flag given twice, the last counts. A flag whose value is a default here
is left out where the configuration file says it, since flags win over the file.
*/}}
{{- define "certwright.args.controller" -}}
{{- $split := include "certwright.split" . }}
{{- $config := default dict .Values.config }}
- controller
{{- with include "certwright.args.common" (dict "root" . "values" .Values) }}
{{ . }}
{{- end }}
{{- if .Values.clusterResourceNamespace }}
- --cluster-resource-namespace={{ .Values.clusterResourceNamespace }}
{{- else if not $config.clusterResourceNamespace }}
- --cluster-resource-namespace=$(POD_NAMESPACE)
{{- end }}
{{- with include "certwright.args.leaderElection" (dict "root" . "config" $config) }}
{{ . }}
{{- end }}
{{- with .Values.namespaces }}
- --namespace={{ join "," . }}
{{- end }}
{{- $with := list }}
{{- if and .Values.webhook.enabled (not $split) }}
{{- $with = append $with "webhook" }}
{{- end }}
{{- if and .Values.cainjector.enabled (not $split) }}
{{- $with = append $with "cainjector" }}
{{- end }}
{{- with $with }}
- --with={{ join "," . }}
{{- end }}
{{- if not (default dict $config.acmeHTTP01Config).solverImage }}
- --acme-http01-solver-image={{ include "certwright.image" (dict "root" . "image" .Values.acmesolver.image "path" "acmesolver.image") }}
{{- end }}
{{- range $key, $value := .Values.global.commonLabels }}
- {{ printf "--acme-http01-solver-extra-labels=%s=%v" $key $value | quote }}
{{- end }}
{{- with default .Values.global.runtimeClassName .Values.acmesolver.runtimeClassName }}
- --acme-http01-solver-runtime-class-name={{ . }}
{{- end }}
{{- if not (and $config.maxConcurrentChallenges (eq (int .Values.maxConcurrentChallenges) 60)) }}
- --max-concurrent-challenges={{ int .Values.maxConcurrentChallenges }}
{{- end }}
{{- with .Values.ingressShim }}
{{- with .defaultIssuerName }}
- --default-issuer-name={{ . }}
{{- end }}
{{- with .defaultIssuerKind }}
- --default-issuer-kind={{ . }}
{{- end }}
{{- with .defaultIssuerGroup }}
- --default-issuer-group={{ . }}
{{- end }}
{{- end }}
{{- if .Values.enableCertificateOwnerRef }}
- --enable-certificate-owner-ref=true
{{- end }}
{{- with .Values.dns01RecursiveNameservers }}
- --dns01-recursive-nameservers={{ . }}
{{- end }}
{{- if .Values.dns01RecursiveNameserversOnly }}
- --dns01-recursive-nameservers-only=true
{{- end }}
{{- if .Values.disableAutoApproval }}
- --controllers=*,-certificaterequests-approver
{{- end }}
{{- if and .Values.webhook.enabled (not $split) }}
{{- include "certwright.args.serving" . }}
{{- end }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "certwright.args.webhook" -}}
- webhook
{{- with include "certwright.args.common" (dict "root" . "values" .Values.webhook) }}
{{ . }}
{{- end }}
{{- include "certwright.args.serving" . }}
{{- with .Values.webhook.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "certwright.args.cainjector" -}}
- cainjector
{{- with include "certwright.args.common" (dict "root" . "values" .Values.cainjector) }}
{{ . }}
{{- end }}
{{- with include "certwright.args.leaderElection" (dict "root" . "config" (default dict .Values.cainjector.config)) }}
{{ . }}
{{- end }}
{{- with .Values.namespaces }}
- --namespace={{ join "," . }}
{{- end }}
{{- with .Values.cainjector.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* What every program takes: a dict of `root` and the component's `values`. */}}
{{- define "certwright.args.common" -}}
{{- $lines := list }}
{{- $verbosity := (default dict (default dict .values.config).logging).verbosity }}
{{- if not (and (not (kindIs "invalid" $verbosity)) (eq (int .root.Values.global.logLevel) 2)) }}
{{- $lines = append $lines (printf "- --v=%d" (int .root.Values.global.logLevel)) }}
{{- end }}
{{- if .values.config }}
{{- $lines = append $lines "- --config=/var/cert-manager/config/config.yaml" }}
{{- end }}
{{- with .values.featureGates }}
{{- $lines = append $lines (printf "- --feature-gates=%s" .) }}
{{- end }}
{{- join "\n" $lines }}
{{- end }}

{{- define "certwright.args.leaderElection" -}}
{{- $lines := list }}
{{- with .root.Values.global.leaderElection }}
{{- if not (and (default dict $.config.leaderElectionConfig).namespace (eq .namespace "kube-system")) }}
{{- $lines = append $lines (printf "- --leader-election-namespace=%s" .namespace) }}
{{- end }}
{{- range $flag, $value := dict "lease-duration" .leaseDuration "renew-deadline" .renewDeadline "retry-period" .retryPeriod }}
{{- if $value }}
{{- $lines = append $lines (printf "- --leader-election-%s=%s" $flag $value) }}
{{- end }}
{{- end }}
{{- end }}
{{- join "\n" $lines }}
{{- end }}

{{/* Where the lease of a component is, which its rights follow: a dict of `root` and the component's `config`. */}}
{{- define "certwright.leaseNamespace" -}}
{{- $given := .root.Values.global.leaderElection.namespace }}
{{- ternary (default $given (default dict (default dict .config).leaderElectionConfig).namespace) $given (eq $given "kube-system") }}
{{- end }}

{{/* How the webhook listens. */}}
{{- define "certwright.args.serving" }}
{{- $name := include "certwright.componentName" (dict "root" . "component" "webhook") }}
{{- $config := default dict .Values.webhook.config }}
{{- if not $config.securePort }}
- --secure-port={{ int .Values.webhook.securePort }}
{{- end }}
- --dynamic-serving-ca-secret-namespace=$(POD_NAMESPACE)
- --dynamic-serving-ca-secret-name={{ $name }}-ca
- --dynamic-serving-dns-names={{ $name }}.$(POD_NAMESPACE).svc,{{ $name }}.$(POD_NAMESPACE),{{ $name }}{{ with .Values.webhook.url.host }},{{ regexReplaceAll ":[0-9]+$" . "" }}{{ end }}
- --inject-own-ca={{ $name }}
{{- if .Values.webhook.enableClientVerification }}
- --enable-client-verification=true
- --client-ca-path={{ .Values.webhook.clientCAFile }}
{{- with .Values.webhook.apiserverClientCertSubjects }}
- --client-subject-names={{ . }}
{{- end }}
{{- end }}
{{- end }}
