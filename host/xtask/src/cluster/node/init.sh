# The first process of the node's own namespaces (processes, mounts, network). When it ends, the kernel ends every process
# in them, and with these go the mounts, the network and its rules: nothing of a node outlives it, however it ends.
# $1: a folder for what the node writes. $2: its cgroup. $3: `stay`, or `with-us` to end when the input does. $4: a file of
# the machine that says that there is a node.
# Says its process id, as others see it, when all is in place.
set -eu
# Read before /proc is mounted anew, so it is the number outside.
read -r pid rest < /proc/self/stat

# The folder of every cgroup hierarchy: one with version 2, one for each controller with version 1.
hierarchies() {
    for procs in /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs; do
        if [ -e "$procs" ]; then dirname "$procs"; fi
    done
}

# Containers' cgroups lie below containerd's or beside it, so both levels are ours.
for root in $(hierarchies); do
    mkdir -p "$root/$2/node"
    # In version 1 a cpuset takes no process before it has processors and memory.
    if [ -e "$root/cgroup.clone_children" ] && [ -e "$root/cpuset.cpus" ]; then
        for name in cpuset.cpus cpuset.mems; do
            cat "$root/$name" > "$root/$2/$name"
            cat "$root/$name" > "$root/$2/node/$name"
        done
    fi
    echo 0 > "$root/$2/node/cgroup.procs"
done

# `unshare` made every mount private, so nothing here reaches the machine. Within the node they are shared, as kubelet wants.
mount --make-rshared /
mount -t proc proc /proc
for name in lib log; do
    mkdir -p "$1/var-$name"
    mount --bind "$1/var-$name" "/var/$name"
done
mount -t tmpfs -o mode=755 tmpfs /run

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
if [ "$3" = stay ]; then
    while sleep 3600; do :; done
else
    cat > /dev/null
fi

kill -KILL -1 || true
for root in $(hierarchies); do
    echo 0 > "$root/cgroup.procs"
    # A killed process is in its cgroup for a moment more.
    for _ in $(seq 50); do
        find "$root/$2" -depth -type d -exec rmdir {} + 2> /dev/null && break
        sleep 0.1
    done
done
umount --recursive --lazy /run
rm -f "$4"
