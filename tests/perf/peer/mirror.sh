#!/usr/bin/env bash
# What a good engineer would write today instead of an operator: one cycle of a cron job that mirrors a cluster's
# remediations with curl, jq and kubectl.
#
# It fetches large pages on one connection, lets jq make one object a line, compares with the last cycle's lines (so that a
# cycle without news writes nothing), applies what is new or changed by server-side apply, in batches and in parallel, and
# deletes by name what the API does not list any more.
#
# Wants: API (base URL), API_KEY, CLUSTER, NAMESPACE, STATE (a folder that lasts from cycle to cycle), KUBECTL, KUBECONFIG.
set -euo pipefail
export LC_ALL=C
batch=100 parallel=8

fetch() {
  local token='' page=$STATE/page.json
  while :; do
    curl --silent --show-error --fail --get "$API/compute/clusters/$CLUSTER/instances/-/remediations" \
      --header @<(printf 'Authorization: Bearer %s\n' "$API_KEY") \
      --data-urlencode pageSize=1000 ${token:+--data-urlencode "pageToken=$token"} --output "$page"
    jq --compact-output --arg namespace "$NAMESPACE" '
      .remediations[] | {
        apiVersion: "compute.together.ai/v1alpha1", kind: "Remediation",
        metadata: {name: .id, namespace: $namespace, labels: {"compute.together.ai/cluster-id": .cluster_id}},
        spec: {clusterId: .cluster_id, id},
        status: ({
          node: (.instance_name // .instance_id), state, mode, trigger, instanceId: .instance_id,
          open: (.state | IN("SUCCEEDED", "FAILED", "CANCELLED", "AUTO_RESOLVED") | not),
          instanceName: .instance_name, reason, requestedBy: .requested_by, createTime: .create_time,
          reviewedBy: .reviewed_by, reviewTime: .review_time, reviewComment: .review_comment, startTime: .start_time,
          endTime: .end_time, errorMessage: .error_message, updateTime: .update_time
        } | with_entries(select(.value != null)))
      }' "$page"
    token=$(jq --raw-output 'if .has_next then .next_page_token else "" end' "$page")
    [ -n "$token" ] || break
  done
}

# Applies the objects on stdin, one a line; the arguments go to kubectl.
apply() {
  local folder
  folder=$(mktemp --directory "$STATE/batch.XXXXXX")
  split --lines=$batch - "$folder/"
  find "$folder" -type f -print0 | xargs --null --no-run-if-empty --max-procs=$parallel --replace={} \
    "$KUBECTL" apply --server-side --force-conflicts --field-manager=peer --output=name "$@" --filename={} >/dev/null
  rm -r "$folder"
}

names() { jq --raw-output .metadata.name "$1" | sort; }

touch "$STATE/before"
fetch | sort > "$STATE/now"
comm -13 "$STATE/before" "$STATE/now" > "$STATE/changed"
if [ -s "$STATE/changed" ]; then
  names "$STATE/before" > "$STATE/names-before"
  names "$STATE/changed" > "$STATE/names-changed"
  comm -13 "$STATE/names-before" "$STATE/names-changed" > "$STATE/names-new"
  if [ -s "$STATE/names-new" ]; then
    jq --null-input --compact-output --rawfile new "$STATE/names-new" '
      INDEX($new | split("\n")[]; .) as $new | inputs | select($new[.metadata.name]) | del(.status)' "$STATE/changed" | apply
  fi
  apply --subresource=status < "$STATE/changed"
fi
if [ -s "$STATE/before" ] && ! cmp --silent "$STATE/before" "$STATE/now"; then
  comm -23 <(names "$STATE/before") <(names "$STATE/now") |
    xargs --no-run-if-empty --max-args=$batch "$KUBECTL" --namespace="$NAMESPACE" delete remediation --wait=false >/dev/null
fi
mv "$STATE/now" "$STATE/before"
