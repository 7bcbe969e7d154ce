extension AppArmorProfile {
    /// The text of the default profile, apparmor.d(5). It gives what containers do freely (files, network, capabilities as
    /// the runtime grants them) and keeps back what leads out of one: mounts, the kernel's settings below /proc and /sys,
    /// its memory, and the processes of others.
    ///
    /// - Parameters:
    ///   - tunables: whether the host has AppArmor's `tunables/global`, which names /proc.
    ///   - base: whether it has `abstractions/base`, what every program needs.
    public static func text(name: String = standardName, tunables: Bool, base: Bool) -> String {
        """
        \(tunables ? "#include <tunables/global>" : "@{PROC}=/proc/")

        profile \(name) flags=(attach_disconnected,mediate_deleted) {
        \(base ? "  #include <abstractions/base>\n" : "")
          network,
          capability,
          file,
          umount,
          deny mount,

          # Processes of the same profile may signal and trace each other; those outside may end them.
          signal (receive) peer=unconfined,
          signal (receive) peer={/usr/bin/,/usr/sbin/,/usr/local/bin/,/usr/local/sbin/,}runc,
          signal (receive) peer={/usr/bin/,/usr/sbin/,/usr/local/bin/,/usr/local/sbin/,}crun*,
          signal (send,receive) peer=\(name),
          ptrace (trace,read,tracedby,readby) peer=\(name),

          # Below /proc a process writes to its own directory, and to the sysctls of System V shared memory.
          deny @{PROC}/* w,
          deny @{PROC}/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9]*}/** w,
          deny @{PROC}/sys/[^k]** w,
          deny @{PROC}/sys/kernel/{?,??,[^s][^h][^m]**} w,
          deny @{PROC}/{kcore,kmem,mem,sysrq-trigger} rwklx,
          deny @{PROC}/acpi/** rwklx,

          # Below /sys only cgroups, which the runtime mounts read-only where it should.
          deny /sys/[^f]*/** wklx,
          deny /sys/f[^s]*/** wklx,
          deny /sys/fs/[^c]*/** wklx,
          deny /sys/fs/c[^g]*/** wklx,
          deny /sys/fs/cg[^r]*/** wklx,
          deny /sys/{firmware,kernel/security}/** rwklx,
        }

        """
    }
}
