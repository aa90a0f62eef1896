{{/* What every pod of ours says beside its containers: a dict of `root`, `component` and the component's `values`. */}}
{{- define "certwright.podSpec" -}}
{{- $global := .root.Values.global }}
{{- $values := .values }}
serviceAccountName: {{ include "certwright.account" . }}
{{- if hasKey $values "automountServiceAccountToken" }}
automountServiceAccountToken: {{ $values.automountServiceAccountToken }}
{{- end }}
enableServiceLinks: {{ $values.enableServiceLinks }}
{{- if hasKey $global "hostUsers" }}
hostUsers: {{ $global.hostUsers }}
{{- end }}
{{- with $global.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $global.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with default $global.runtimeClassName $values.runtimeClassName }}
runtimeClassName: {{ . | quote }}
{{- end }}
{{- if $values.hostNetwork }}
hostNetwork: true
dnsPolicy: ClusterFirstWithHostNet
{{- end }}
{{- with $values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.podDnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with $values.podDnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with mergeOverwrite (dict) ($global.nodeSelector | default dict) ($values.nodeSelector | default dict) }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The image, the environment and the limits of a container of ours: the same dict, with `proxy` where it asks the internet. */}}
{{- define "certwright.container" -}}
{{- $values := .values }}
image: {{ include "certwright.image" (dict "root" .root "image" $values.image "path" (ternary "image" (printf "%s.image" .component) (eq .component "controller"))) | quote }}
imagePullPolicy: {{ $values.image.pullPolicy }}
env:
  - name: POD_NAMESPACE
    valueFrom:
      fieldRef:
        fieldPath: metadata.namespace
  {{- range $name, $value := dict "HTTP_PROXY" $values.http_proxy "HTTPS_PROXY" $values.https_proxy "NO_PROXY" $values.no_proxy }}
  {{- if $value }}
  - name: {{ $name }}
    value: {{ $value | quote }}
  {{- end }}
  {{- end }}
  {{- with $values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $values.containerSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if or $values.config $values.volumeMounts }}
volumeMounts:
  {{- if $values.config }}
  - name: config
    mountPath: /var/cert-manager/config
    readOnly: true
  {{- end }}
  {{- with $values.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* The labels and annotations of a component's pods: the same dict. */}}
{{- define "certwright.podMetadata" -}}
{{- $values := .values }}
labels:
  {{- include "certwright.componentLabels" . | nindent 2 }}
  {{- with $values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $annotations := dict }}
{{- with .root.Values.prometheus }}
{{- if and .enabled (not (or .servicemonitor.enabled .podmonitor.enabled)) }}
{{- $annotations = dict "prometheus.io/path" "/metrics" "prometheus.io/port" "9402" "prometheus.io/scrape" "true" }}
{{- end }}
{{- end }}
{{- with $values.config }}
{{- $_ := set $annotations "checksum/config" (toJson . | sha256sum) }}
{{- end }}
{{- with mergeOverwrite $annotations ($values.podAnnotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What a container listens on, and how it is asked whether it works: the same dict. */}}
{{- define "certwright.portsAndProbes" -}}
{{- $values := .values }}
{{- $webhook := .root.Values.webhook }}
ports:
  {{- if .root.Values.prometheus.enabled }}
  - name: http-metrics
    containerPort: 9402
    protocol: TCP
  {{- end }}
  - name: {{ ternary "healthcheck" "http-healthz" (eq .component "webhook") }}
    containerPort: {{ ternary 6080 9403 (eq .component "webhook") }}
    protocol: TCP
  {{- if and $webhook.enabled (eq .component (ternary "webhook" "controller" (ne (include "certwright.split" .root) ""))) }}
  - name: https
    containerPort: {{ int (default $webhook.securePort (default dict $webhook.config).securePort) }}
    protocol: TCP
  {{- end }}
{{- if eq .component "webhook" }}
livenessProbe:
  httpGet:
    path: /livez
    port: healthcheck
  {{- toYaml $values.livenessProbe | nindent 2 }}
readinessProbe:
  httpGet:
    path: /readyz
    port: healthcheck
  {{- toYaml $values.readinessProbe | nindent 2 }}
{{- else }}
{{- $live := default (dict "enabled" true "initialDelaySeconds" 10 "periodSeconds" 10 "timeoutSeconds" 15 "failureThreshold" 8) $values.livenessProbe }}
{{- if $live.enabled }}
livenessProbe:
  httpGet:
    path: /livez
    port: http-healthz
  {{- omit $live "enabled" | toYaml | nindent 2 }}
{{- end }}
readinessProbe:
  httpGet:
    path: /readyz
    port: http-healthz
  periodSeconds: 5
{{- end }}
{{- end }}
