#!/usr/bin/env bash
# Makes this server a part of the Sovereign's cluster. cloud-init runs it once; it
# may be run again by hand, since every step looks at what is there.
#
#   catalyst-bootstrap              what ROLE in bootstrap.env says
#   catalyst-bootstrap kubeconfig   post the kubeconfig back, until it is accepted
#
# ROLE is server (starts the cluster), join (one more control plane) or agent (a
# worker). Secrets are read from files; none is an argument of a program.
set -euo pipefail

CILIUM_VERSION=1.16.5
FLUX_VERSION=2.4.0
GATEWAY_API_VERSION=1.1.0
HELM_VERSION=3.16.4

# shellcheck source=/dev/null
. /etc/catalyst/bootstrap.env

say() { echo "catalyst-bootstrap: $*" >&2; }

# retry SECONDS COMMAND...: again every five seconds, at most so long.
retry() {
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    if [ "$SECONDS" -ge "$until" ]; then
      say "gave up: $1"
      return 1
    fi
    sleep 5
  done
}

download() { retry 600 curl --fail --silent --show-error --location --proto '=https' --max-time 300 --output "$2" "$1"; }

public_ip() { curl --fail --silent --max-time 10 http://169.254.169.254/hetzner/v1/metadata/public-ipv4; }

# The private interface comes up a little after the public one.
private_ip() {
  local ip
  ip=$(ip -4 -o address show | awk '$4 ~ /^10\.0\./ { sub(/\/.*/, "", $4); print $4; exit }')
  [ -n "$ip" ] && echo "$ip"
}

install_k3s() {
  local private public tokens=/etc/catalyst/node-token installer=/run/catalyst-k3s.sh
  retry 300 private_ip >/dev/null
  private=$(private_ip)
  public=$(retry 300 public_ip)
  (umask 077 && printf '%s' "$NODE_TOKEN" >"$tokens")
  download https://get.k3s.io "$installer"

  local args=(--node-ip "$private" --token-file "$tokens")
  if [ "$ROLE" = agent ]; then
    args=(agent --server "https://$FIRST_IP:6443" "${args[@]}")
  else
    args=(server "${args[@]}" --advertise-address "$private" --node-external-ip "$public"
      --tls-san "$public" --tls-san "$FIRST_IP" --tls-san "api.$SOVEREIGN_FQDN"
      --flannel-backend none --disable-network-policy --disable-kube-proxy
      --disable traefik --disable servicelb --write-kubeconfig-mode 0600 --secrets-encryption)
    if [ "$ROLE" = join ]; then
      args+=(--server "https://$FIRST_IP:6443")
    else
      args+=(--cluster-init)
    fi
  fi
  if [ "$ROLE" != server ]; then
    say "waiting for the first control plane at $FIRST_IP"
    retry 3600 curl --silent --insecure --output /dev/null --max-time 5 "https://$FIRST_IP:6443/ping"
  fi
  say "installing k3s $K3S_VERSION as $ROLE"
  INSTALL_K3S_VERSION=$K3S_VERSION retry 900 sh "$installer" "${args[@]}"
}

# Cilium needs the kinds of the Gateway API before it starts.
install_cilium() {
  local dir=/run/catalyst-helm machine archive
  case $(uname -m) in aarch64) machine=arm64 ;; *) machine=amd64 ;; esac
  archive=helm-v$HELM_VERSION-linux-$machine.tar.gz
  mkdir -p "$dir"
  download "https://get.helm.sh/$archive" "$dir/$archive"
  download "https://get.helm.sh/$archive.sha256sum" "$dir/$archive.sha256sum"
  (cd "$dir" && sha256sum --check --quiet "$archive.sha256sum")
  tar --extract --gzip --file "$dir/$archive" --directory /usr/local/bin --strip-components 1 "linux-$machine/helm"

  retry 600 kubectl apply --server-side --filename \
    "https://github.com/kubernetes-sigs/gateway-api/releases/download/v$GATEWAY_API_VERSION/experimental-install.yaml"
  retry 900 helm upgrade --install cilium cilium --repo https://helm.cilium.io --version "$CILIUM_VERSION" \
    --namespace kube-system --values /var/lib/catalyst/cilium-values.yaml --wait --timeout 10m
}

install_flux() {
  retry 600 kubectl apply --server-side --filename \
    "https://github.com/fluxcd/flux2/releases/download/v$FLUX_VERSION/install.yaml"
  retry 900 kubectl --namespace flux-system wait --for condition=Available deployment --all --timeout 5m
  if [ -f /var/lib/catalyst/secrets.yaml ]; then
    retry 300 kubectl apply --server-side --filename /var/lib/catalyst/secrets.yaml
    rm -f /var/lib/catalyst/secrets.yaml
  fi
  retry 300 kubectl apply --server-side --filename /var/lib/catalyst/flux-bootstrap.yaml
}

# post_kubeconfig tries for a day. The bearer works once: an answer that the
# kubeconfig is already there means that an earlier answer was lost.
post_kubeconfig() {
  local body=/run/catalyst-kubeconfig.yaml answer=/run/catalyst-kubeconfig.answer header=/etc/catalyst/kubeconfig.header
  local public code until=$((SECONDS + 86400))
  [ -n "${KUBECONFIG_URL:-}" ] && [ -f "$header" ] || return 0
  public=$(retry 300 public_ip)
  (umask 077 && sed "s#https://127\.0\.0\.1:6443#https://$public:6443#" /etc/rancher/k3s/k3s.yaml >"$body")
  while [ "$SECONDS" -lt "$until" ]; do
    code=$(curl --silent --show-error --max-time 60 --output "$answer" --write-out '%{http_code}' --request PUT \
      --header "@$header" --header 'Content-Type: application/yaml' --data-binary "@$body" "$KUBECONFIG_URL" || true)
    if [ "${code:0:1}" = 2 ] || { [ "$code" = 403 ] && grep -q already-set "$answer"; }; then
      say "the kubeconfig was accepted"
      rm -f "$body" "$answer" "$header"
      return 0
    fi
    say "the kubeconfig was not accepted ($code); trying again"
    sleep 15
  done
  return 1
}

export KUBECONFIG=/etc/rancher/k3s/k3s.yaml
if [ "${1:-}" = kubeconfig ]; then
  post_kubeconfig
  exit
fi

sysctl --quiet --system || true
install_k3s
if [ "$ROLE" != server ]; then
  exit 0
fi
retry 600 kubectl get --raw /readyz >/dev/null
# A unit of its own: it goes on after a reboot of this script's session, and the
# installation does not wait for it.
systemd-run --unit catalyst-kubeconfig --property Restart=on-failure --property RestartSec=30 \
  /usr/local/sbin/catalyst-bootstrap kubeconfig || true
install_cilium
install_flux
say "Flux has taken over"
