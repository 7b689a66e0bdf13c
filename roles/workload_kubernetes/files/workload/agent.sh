# Functions of run.
# shellcheck shell=bash

# Containers lay overlays over what they write, which cannot lie on an overlay as the node's root
# does: hence a file system of its own. Its size is the limit of everything that k3s writes.
mount_data() {
    mkdir -p "$DATA/k3s"
    grep -q " $DATA/k3s tmpfs " /proc/mounts && return
    mount -t tmpfs -o "size=${DATA_MIB}m,mode=0700" k3s "$DATA/k3s" \
        || { echo "no file system in memory for k3s"; return 1; }
}

# Archives are used in place.
mount_images() {
    local images=$DATA/k3s/agent/images
    mkdir -p "$images"
    [[ -d $SHARE/images ]] || return 0
    grep -q " $images " /proc/mounts && return
    mount --bind "$SHARE/images" "$images" || { echo "$SHARE/images cannot be used"; return 1; }
}

# Without it the kubelet ends after minutes, and says so in a long log.
refuse_kernel() {
    grep -Eq '^memory[[:space:]].*[[:space:]]1$' "$CGROUPS" && return
    echo "the kernel limits no memory: node_image_cmdline lacks cgroup_enable=memory cgroup_memory=1"
    exit 1
}

# A server lets a name join again only with the password it had first. This node forgets everything,
# so its password is made of what it always has.
write_password() {
    local file=${PASSWORD_FILE:-/etc/rancher/node/password} sum
    read -r sum _ < <(printf '%s %s' "$NODE" "$(< "$SECRETS/agent_token")" | sha256sum)
    mkdir -p "${file%/*}"
    (umask 077 && printf '%s\n' "${sum:0:32}" > "$file")
}

# list NAME WORD...: a list of YAML, nothing without words.
list() {
    local name=$1
    shift
    [[ $# -gt 0 ]] || return 0
    printf '%s:\n' "$name"
    printf '  - "%s"\n' "$@"
}

# The labels of this node.
labels() {
    local word
    for word in $ZONES; do
        [[ ${word%%=*} == "$BANK" ]] && echo "topology.kubernetes.io/zone=${word#*=}"
    done
    echo "picluster/bank=$BANK"
    echo "picluster/slot=$SLOT"
    # shellcheck disable=SC2086
    [[ ! $LABELS ]] || printf '%s\n' $LABELS
}

# shellcheck disable=SC2046,SC2086
configuration() {
    cat << END
server: "${SERVER_URL:-https://$BOOT_SERVER:6443}"
token-file: "$SECRETS/agent_token"
data-dir: "$DATA/k3s"
node-name: "$NODE"
node-ip: "$ADDRESS"
flannel-iface: "$INTERFACE"
resolv-conf: "/etc/resolv.conf"
snapshotter: "$SNAPSHOTTER"
END
    list node-label $(labels)
    list node-taint $TAINTS
    list kubelet-arg $KUBELET_ARGS
}

# end PROCESS: it and everything below it, at once.
end() {
    local child
    kill -STOP "$1" 2> /dev/null
    for child in $(cat "/proc/$1/task"/*/children 2> /dev/null); do
        end "$child"
    done
    kill -KILL "$1" 2> /dev/null
}

# Containers are in groups of their own, beside the unit, and would outlive it. Each hangs on a
# process that runs a program of k3s.
clean() {
    local process link mounts
    for process in /proc/[0-9]*; do
        [[ $(readlink "$process/exe") != "$DATA/k3s/data/"*/containerd-shim* ]] || end "${process#/proc/}"
    done
    mapfile -t mounts < <(cut -d ' ' -f 2 /proc/mounts \
        | grep -E "^($DATA/k3s|/run/k3s|/run/netns/cni-|/var/lib/kubelet/pods)(/|$)" | sort -r)
    [[ ${#mounts[@]} -eq 0 ]] || umount -l "${mounts[@]}"
    for link in cni0 flannel.1; do
        [[ ! -d /sys/class/net/$link ]] || ip link delete "$link"
    done
}
