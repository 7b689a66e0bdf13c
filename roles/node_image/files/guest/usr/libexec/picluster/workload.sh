# One workload on this node: its files, its unit, its health. Sourced by workloads.
# shellcheck shell=bash disable=SC2154  # order, bank and slot are its variables

# What is assigned (the share), what this node has of it (work), and where copies are kept.
share=$picluster_run/workloads
work=$picluster_run/work
store=${PICLUSTER_STORE:-/var/lib/picluster/work}
unit='' dir='' why=''
memory_mib=64 start_s=30 drain_s=60 user=nobody group='' privileged=no
environment=()

# tell STATE [REASON]: to the head, of the present name and version.
tell() {
    message workload "workload=$name" ${version:+"version=$version"} "state=$1" "order=$order" \
        ${2:+"reason=$(encoded "$2")"}
}

# use NAME VERSION: what the functions below are about.
use() {
    name=$1 version=$2
    unit=picluster-work-$name.service
    dir=$store/$name/$version
}

running() {
    systemctl is-active --quiet "$unit"
}

# Copies of the version's own files, verified. What lies in share/ is used in place: it comes the
# way the root comes, and the boot server has verified it.
fetch() {
    local from=$share/artefacts/$name/$version new=$store/$name/.new sum line files=() sums=''
    why="$name $version is not on the boot server"
    [[ -f $from/SHA256SUMS ]] || return 1
    rm -rf "$new"
    mkdir -p "$new" && cp "$from/SHA256SUMS" "$new" || return 1
    read -r sum _ < <(sha256sum < "$new/SHA256SUMS")
    why="$name $version: SHA256SUMS is not what was assigned"
    [[ $sum == "$digest" ]] || return 1
    while IFS= read -r line; do
        [[ $line =~ ^[0-9a-f]{64}\ \ share/ ]] && continue
        why="$name $version: SHA256SUMS has a line that is none"
        [[ $line =~ ^[0-9a-f]{64}\ \ ([A-Za-z0-9][A-Za-z0-9._+-]*|secret/SHA256SUMS)$ ]] || return 1
        [[ $line == *\ secret/* ]] || files+=("$from/${line:66}")
        sums+=$line$'\n'
    done < "$new/SHA256SUMS"
    why="$name $version cannot be copied"
    cp "${files[@]}" "$new" || return 1
    [[ $sums != *\ secret/SHA256SUMS$'\n'* ]] || fetch_secrets || return 1
    why="$name $version: $(cd "$new" && sha256sum --check --quiet --strict - 2>&1 <<< "${sums%$'\n'}")" \
        || return 1
    [[ ! -d $new/secret ]] || check_secrets || return 1
    chmod 0755 "$new"
    for line in run check drain; do
        [[ ! -e $new/$line ]] || chmod 0755 "$new/$line"
    done
    rm -rf "$dir"
    mv "$new" "$dir"
}

# The settings of the version, one name and value a line.
read_conf() {
    local line
    memory_mib=64 start_s=30 drain_s=60 user=nobody privileged=no
    why="$name $version has no workload.conf"
    [[ -f $dir/workload.conf ]] || return 1
    while IFS= read -r line || [[ $line ]]; do
        why="$name $version: workload.conf has a line that is none: $line"
        if [[ $line =~ ^(memory_mib|start_s|drain_s)=([1-9][0-9]{0,5})$ ]]; then
            printf -v "${BASH_REMATCH[1]}" %s "${BASH_REMATCH[2]}"
        elif [[ $line =~ ^user=([a-z_][a-z0-9_-]{0,31})$ ]]; then
            user=${BASH_REMATCH[1]}
        elif [[ $line =~ ^privileged=(yes|no)$ ]]; then
            privileged=${BASH_REMATCH[1]}
        else
            [[ $line =~ ^(#.*)?$ ]] || return 1
        fi
    done < "$dir/workload.conf"
    why="$name $version: privileged=yes needs user=root"
    [[ $privileged == no || $user == root ]] || return 1
    why="$name $version: there is no user $user"
    group=$(id -g "$user" 2> /dev/null) || return 1
    read_environment
}

# What the workload's programs are told.
read_environment() {
    local line
    environment=(
        "WORKLOAD=$name" "VERSION=$version" "DIR=$dir" "DATA=$store/$name/data"
        "SHARE=$share/artefacts/$name/$version/share" "SECRETS=$dir/secret" "MEMORY_MIB=$memory_mib"
        "NODE=$HOSTNAME" "ADDRESS=$ADDRESS" "BANK=$bank" "SLOT=$slot" "BOOT_SERVER=$SERVER"
    )
    [[ -f $dir/settings ]] || return 0
    while IFS= read -r line || [[ $line ]]; do
        why="$name $version: settings has a line that is none: $line"
        [[ $line =~ ^[A-Z][A-Z0-9_]{0,31}=[\ -~]*$ ]] || return 1
        environment+=("$line")
    done < "$dir/settings"
}

# as_user SECONDS PROGRAM: a program of the workload, in its environment.
as_user() {
    local words=(--reuid "$user" --regid "$group" --init-groups)
    [[ $privileged == yes ]] || words+=(--no-new-privs)
    env "${environment[@]}" timeout "$1" setpriv "${words[@]}" "$2" 2>&1 < /dev/null
}

# What its program said last, in this run of it; where to look when it said nothing.
last_words() {
    local run said=''
    run=$(systemctl show --property=InvocationID --value "$unit" 2> /dev/null)
    [[ ! $run ]] || said=$(journalctl --quiet --output=cat --lines=1 \
        "_SYSTEMD_INVOCATION_ID=$run" 2> /dev/null)
    printf '%s\n' "${said:-journalctl -u $unit}"
}

# healthy SECONDS: whether it is well within that time; why it is not.
healthy() {
    local until=$((SECONDS + $1)) said
    while :; do
        if ! running; then
            why=ended
        elif [[ ! -x $dir/check ]]; then
            sleep 2 # nobody can be asked: one that does not end at once is well
            running && return 0
        else
            said=$(as_user 10 "$dir/check") && return 0
            why="not healthy: ${said##*$'\n'}"
        fi
        ((SECONDS < until)) || break
        sleep 0.3
    done
    [[ $why != ended ]] || why="run has ended: $(last_words)"
    return 1
}

# Also one that has ended and waits to be started again: its name is taken until then.
stop() {
    if running && [[ -x $dir/drain ]]; then
        as_user "$drain_s" "$dir/drain" > /dev/null
    fi
    systemctl stop "$unit" 2> /dev/null
    systemctl reset-failed "$unit" 2> /dev/null
}

start() {
    local word free words=()
    while read -r word free _; do
        [[ $word == MemAvailable: ]] && break
    done < "${PICLUSTER_MEMINFO:-/proc/meminfo}"
    why="needs $memory_mib MiB of memory, and $((free / 1024)) are available"
    ((free / 1024 >= memory_mib)) || return 1
    why="$name $version has no run"
    [[ -f $dir/run ]] || return 1
    hand_secrets_over || return 1
    why="cannot be started"
    install -d -o "$user" -g "$group" -m 0750 "$store/$name/data" || return 1
    for word in "${environment[@]}"; do
        words+=("--setenv=$word")
    done
    # A privileged one may have children with other rights, and groups of its own below its limit.
    if [[ $privileged == yes ]]; then
        words+=(--property=Delegate=yes)
    else
        words+=(--property=NoNewPrivileges=yes)
    fi
    systemd-run --quiet --unit="$unit" --uid="$user" --gid="$group" \
        --working-directory="$store/$name/data" --property="MemoryMax=${memory_mib}M" \
        --property=Restart=on-failure --property=RestartSec=5 "${words[@]}" "$dir/run"
}

# A version that is here already is read again: its files are this node's own.
use_what_is_here() {
    local have=''
    [[ -f $work/have/$name ]] || return 1
    read -r have < "$work/have/$name"
    use "$name" "${have% *}"
    read_conf && [[ $have == "$1" ]]
}

# ensure NAME VERSION DIGEST
ensure() {
    local digest=$3 wanted=$2 told=''
    use "$1" "$2"
    if use_what_is_here "$2 $digest" && running; then
        healthy 1 && { tell ok; return; }
        # Work is not ended for one bad answer: it has the time of a start to be well again.
        tell starting
        told=yes
        healthy "$start_s" && { tell ok; return; }
    fi
    # A drain may take its time, and who says nothing counts as unreachable.
    version=$wanted
    [[ $told ]] || tell starting
    [[ ! -f $work/have/$name ]] || stop
    use "$1" "$wanted"
    if fetch && echo "$version $digest" > "$work/have/$name" && read_conf && start \
        && healthy "$start_s"; then
        forget_others
        tell ok
    else
        tell failed "$why"
    fi
}

# Copies of other versions.
forget_others() {
    local other
    for other in "$store/$name"/*; do
        [[ $other == "$dir" || $other == "$store/$name/data" ]] || rm -rf "$other"
    done
}

# withdraw NAME: stop it and forget it, its data included.
withdraw() {
    local have
    read -r have < "$work/have/$1"
    use "$1" "${have% *}"
    read_conf
    version=''
    [[ ! -x $dir/drain ]] || tell starting
    stop
    rm -rf "${store:?}/$name" "$work/have/$name"
    tell gone
}
