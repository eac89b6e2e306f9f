# The first process of the node's own namespaces (processes, mounts, network). When it ends, the kernel ends every process
# in them, and with these go the mounts, the network and its rules: nothing of a node outlives it, however it ends.
# $1: a folder for what the node writes. $2: `stay`, or `with-us` to end when the input does. $3: a file of the machine that
# says that there is a node. Says its process id, as others see it, when all is in place.
set -eu
# Read before /proc is mounted anew, so it is the number outside.
read -r pid rest < /proc/self/stat

# `unshare` made every mount private, so nothing here reaches the machine. Within the node they are shared, as kubelet wants.
mount --make-rshared /
mount -t proc proc /proc
for place in /var/lib /var/log /run; do
    mkdir -p "$1$place"
    mount --bind "$1$place" "$place"
done

# What kubelet would set for the whole machine is shown to it as being set.
mkdir -p "$1/sysctl"
while read -r path value; do
    file="$1/sysctl/$(basename "$path")"
    echo "$value" > "$file"
    mount --bind "$file" "/proc/sys/$path"
done <<'WANTED'
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000
WANTED

echo "$pid"
# While it waits, the shell reaps what is orphaned.
if [ "$2" = stay ]; then
    while sleep 3600; do :; done
else
    cat > /dev/null
fi

kill -KILL -1 || true
# It would go with the network, a second or two later.
ip link delete machine || true
# Cgroups alone have no namespace that would take them along: one of each hierarchy per container, empty in a moment.
for container in "$1"/run/containerd/io.containerd.runtime.v2.task/k8s.io/*; do
    for group in /sys/fs/cgroup/k8s.io/"${container##*/}" /sys/fs/cgroup/*/k8s.io/"${container##*/}"; do
        for _ in $(seq 50); do
            [ -d "$group" ] || break
            find "$group" -depth -type d -exec rmdir {} + 2> /dev/null || sleep 0.1
        done
    done
done
# They stay if another containerd of the machine has containers in them.
rmdir /sys/fs/cgroup/k8s.io /sys/fs/cgroup/*/k8s.io 2> /dev/null || true
umount --recursive --lazy /run
rm -f "$3"
