# Secrets of a workload's version: copied, verified, handed to its user. Sourced by workloads.
# shellcheck shell=bash disable=SC2154,SC2034  # variables of workload.sh

# Secrets are root's alone on the way.
fetch_secrets() {
    why="$name $version: secrets cannot be copied"
    mkdir -m 0700 "$new/secret" && (umask 077 && cp "$from/secret"/* "$new/secret") || return 1
}

# Their list was verified with everything else; what it lists, not yet. Nothing that it does not
# list is kept, and neither is the salt of the sums.
check_secrets() {
    local file listed
    why="$name $version: secret: $(cd "$new/secret" && sha256sum --check --quiet --strict SHA256SUMS 2>&1)" \
        || return 1
    listed=$(cut -c 67- "$new/secret/SHA256SUMS")
    for file in "$new/secret"/*; do
        [[ $'\n'$listed$'\n' == *$'\n'"${file##*/}"$'\n'* ]] || rm -f "$file"
    done
    rm -f "$new/secret/salt"
}

# The workload's user, and nobody else, reads them.
hand_secrets_over() {
    [[ -d $dir/secret ]] || return 0
    why="$name $version: secrets cannot be handed over to $user"
    chmod 0400 "$dir/secret"/* && chmod 0500 "$dir/secret" \
        && chown "$user:$group" "$dir/secret"/* "$dir/secret"
}
