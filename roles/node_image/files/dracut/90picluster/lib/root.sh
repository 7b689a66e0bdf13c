# From an address to a root file system.
# shellcheck shell=sh

# nfs_options: mount options. The tree of an image never changes under its name, so nothing has
# to be asked twice: no close-to-open checks, attributes valid for a day. Fixed ports save the
# questions to rpcbind. "hard" lets a node outlive its NFS server. Not "noacl": overlayfs takes the
# missing answer for an error, and programs that do not run as root cannot be started.
nfs_options() {
    _extra=$(option picluster.nfsopts '')
    printf '%s\n' "ro,hard,vers=3,proto=tcp,port=2049,mountproto=tcp,mountport=20048,nolock,\
nocto,actimeo=86400,rsize=1048576,timeo=100,addr=$SERVER${_extra:+,$_extra}"
}

# Mount the image. A server that is down or silent is waited for; one that refuses, too, but not
# as long: while it starts, it may not know its exports yet.
mount_image() {
    _path=$(option picluster.path '')
    case $_path in
        /*) ;;
        *) fail nfs "no picluster.path=/... on the kernel command line" ;;
    esac
    SOURCE=$SERVER:$_path
    _start=$(seconds)
    _told=0
    _why=
    _refused_since=
    mkdir -p "$RUN/image"
    until try_mount; do
        _before=$_why
        _why=$(sed 's/.*: //' "$RUN/mount.log")
        [ "$_why" = "$_before" ] || say "cannot mount $SOURCE: $_why"
        case $_why in
            "No such file"* | "Permission denied" | "Operation not permitted") refused ;;
            *)
                _refused_since=
                waiting "$_start" nfs "NFS server $SERVER: $_why"
                ;;
        esac
        sleep 2
    done
}

# The server is there but has no such image for this node, and has said nothing else for a minute.
refused() {
    _refused_since=${_refused_since:-$(seconds)}
    [ $(($(seconds) - _refused_since)) -lt 60 ] || fail nfs "$SOURCE: $_why"
}

# One attempt. It may hang for as long as the server is silent; an attempt is killed only when
# the patience is over, by fail.
try_mount() {
    mount -i -t nfs -o "$(nfs_options)" "$SOURCE" "$RUN/image" 2> "$RUN/mount.log" &
    _mount=$!
    _polls=0
    while kill -0 "$_mount" 2> /dev/null; do
        sleep 0.1
        _polls=$(((_polls + 1) % 10))
        [ $_polls != 0 ] || waiting "$_start" nfs "NFS server $SERVER: ${_why:-no answer}"
    done
    wait "$_mount" || return 1
    # A server that still remembers an image of that name which is gone gives a stale handle.
    stat "$RUN/image" > /dev/null 2> "$RUN/mount.log" && return 0
    umount "$RUN/image"
    return 1
}

# backing_device DIRECTORY: the name under which the kernel keeps a mount's read-ahead.
backing_device() {
    _device=$(stat -c %d "$1")
    printf '%s:%s\n' $((_device >> 8 & 0xfff)) $((_device & 0xff | _device >> 12 & 0xfff00))
}

# A boot touches pages here and there, and what the kernel reads ahead of them is mostly not needed:
# 16 KiB of it make a boot read 21 MB, 32 KiB 24 MB, the usual 128 KiB 29 MB. A node that is ready
# has work to do, and raises it.
read_little_ahead() {
    BDI=$(backing_device "$RUN/image")
    number_option picluster.readahead 16 > "/sys/class/bdi/$BDI/read_ahead_kb"
}

# Make the image's tree visible at lower: the plain tree, or what is in the one file.
mount_lower() {
    mkdir -p "$RUN/lower"
    bind_lower 2> "$RUN/mount.log" \
        || fail nfs "cannot mount the root tree of $SOURCE: $(cat "$RUN/mount.log")"
    [ -d "$RUN/lower/usr/lib/modules/$(uname -r)" ] \
        || warn init "the image has no modules for the running kernel $(uname -r)"
}

bind_lower() {
    if [ -d "$RUN/image/root" ]; then
        mount -o bind "$RUN/image/root" "$RUN/lower"
    elif [ -f "$RUN/image/root.squashfs" ]; then
        # Nothing calls for it: without it, there is no device to open.
        modprobe -q loop
        mount -t squashfs -o ro,loop "$RUN/image/root.squashfs" "$RUN/lower"
    else
        echo "it holds neither root nor root.squashfs" >&2
        return 1
    fi
}

# warn STEP TEXT
warn() {
    say "WARNING at step $1: $2"
    message warning "step=$1" "reason=$(encoded "$2")"
}

# Everything a node writes is in a tmpfs of limited size over the tree, and gone at its next boot.
# index=off: an NFS lower layer has no file handles overlayfs could keep. The other options spare
# the tmpfs: a directory is renamed and a mode changed without copying what is in it.
mount_overlay() {
    _size=$(option picluster.upper 50%)
    mkdir -p "$RUN/upper"
    mount -t tmpfs -o "mode=0700,size=$_size" picluster-upper "$RUN/upper" 2> "$RUN/mount.log" \
        || fail overlay "picluster.upper=$_size is not a size for a tmpfs"
    mkdir -m 0755 "$RUN/upper/data" "$RUN/upper/work"
    _layers=lowerdir=$RUN/lower,upperdir=$RUN/upper/data,workdir=$RUN/upper/work
    for _options in index=off,xino=off,redirect_dir=on,metacopy=on index=off; do
        mount -t overlay -o "$_layers,$_options" picluster-root "$ROOT" 2> "$RUN/mount.log" \
            && return 0
    done
    fail overlay "$(cat "$RUN/mount.log")"
}

# The read-only tree itself as root, to look for what an overlay may hide. What a system cannot
# do without writing to is a tmpfs.
mount_read_only() {
    mount -o bind "$RUN/lower" "$ROOT" || fail overlay "cannot bind the root tree"
    for _place in tmp home var/tmp var/log var/cache var/spool var/lib/systemd var/lib/private \
        var/lib/chrony; do
        writable "$_place"
    done
    writable root
    cp -a "$RUN/lower/root/." "$ROOT/root/"
}

# writable DIRECTORY: an empty tmpfs on it, with the directory's owner and mode.
writable() {
    [ -d "$ROOT/$1" ] || return 0
    _owner=$(stat -c mode=%a,uid=%u,gid=%g "$ROOT/$1")
    mount -t tmpfs -o "size=$(option picluster.upper 50%),$_owner" tmpfs "$ROOT/$1" \
        || fail overlay "cannot make $1 writable"
}

# put PATH: what is on stdin becomes this file of the system: in the overlay, or as a bind mount
# on the empty file that is there when the tree is read-only.
put() {
    if [ "$OVERLAY" = on ]; then
        # Not through a link that may be there: it would lead into the initramfs.
        rm -f "$ROOT/$1"
        cat > "$ROOT/$1"
        chmod 0644 "$ROOT/$1"
    elif [ -f "$ROOT/$1" ] && [ ! -L "$ROOT/$1" ]; then
        cat > "$RUN/${1##*/}"
        chmod 0644 "$RUN/${1##*/}"
        mount -o bind "$RUN/${1##*/}" "$ROOT/$1"
    fi
}
