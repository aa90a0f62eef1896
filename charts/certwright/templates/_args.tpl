{{/* The controller's flags. extraArgs come last: of a flag given twice, the last counts. */}}
{{- define "certwright.args" -}}
- controller
- --v={{ .Values.global.logLevel }}
{{- if .Values.clusterResourceNamespace }}
- --cluster-resource-namespace={{ .Values.clusterResourceNamespace }}
{{- else }}
- --cluster-resource-namespace=$(POD_NAMESPACE)
{{- end }}
{{- with .Values.global.leaderElection }}
- --leader-election-namespace={{ .namespace }}
{{- with .leaseDuration }}
- --leader-election-lease-duration={{ . }}
{{- end }}
{{- with .renewDeadline }}
- --leader-election-renew-deadline={{ . }}
{{- end }}
{{- with .retryPeriod }}
- --leader-election-retry-period={{ . }}
{{- end }}
{{- end }}
{{- $with := list }}
{{- if .Values.webhook.enabled }}
{{- $with = append $with "webhook" }}
{{- end }}
{{- if .Values.cainjector.enabled }}
{{- $with = append $with "cainjector" }}
{{- end }}
{{- with $with }}
- --with={{ join "," . }}
{{- end }}
- --acme-http01-solver-image={{ include "certwright.image" (dict "root" . "image" .Values.acmesolver.image) }}
{{- range $key, $value := .Values.global.commonLabels }}
- {{ printf "--acme-http01-solver-extra-labels=%s=%v" $key $value | quote }}
{{- end }}
{{- with default .Values.global.runtimeClassName .Values.acmesolver.runtimeClassName }}
- --acme-http01-solver-runtime-class-name={{ . }}
{{- end }}
- --max-concurrent-challenges={{ int .Values.maxConcurrentChallenges }}
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
{{- if .Values.webhook.enabled }}
{{- $name := printf "%s-webhook" (include "certwright.fullname" .) }}
- --secure-port={{ int .Values.webhook.securePort }}
- --dynamic-serving-ca-secret-namespace=$(POD_NAMESPACE)
- --dynamic-serving-ca-secret-name={{ $name }}-ca
- --dynamic-serving-dns-names={{ $name }}.$(POD_NAMESPACE).svc,{{ $name }}.$(POD_NAMESPACE),{{ $name }}
- --inject-own-ca={{ $name }}
{{- end }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}
