extension ConfigurationKey {
    /// Every key that has an effect, in the order of the rendered file.
    static let all: [ConfigurationKey] = crio + api + runtime + image + network + stats

    private static let crio: [ConfigurationKey] = [
        .init("crio", "root", \.crio.root, "Where images, containers' changes and the node's records are kept."),
        .init("crio", "runroot", \.crio.runroot, "Where what need not survive a restart of the node is kept; a tmpfs."),
    ]

    private static let api: [ConfigurationKey] = [
        .init("crio.api", "listen", \.api.listen, "The socket on which the CRI is served."),
        .init("crio.api", "stream_address", \.api.streamAddress, "The address on which exec, attach and port-forward are served."),
        .init("crio.api", "stream_port", \.api.streamPort, "The port for that; \"0\" for a free one."),
        .init("crio.api", "stream_enable_tls", \.api.streamEnableTLS, "Whether that is encrypted."),
        .init("crio.api", "stream_tls_cert", \.api.streamTLSCert, "The certificate for it, PEM; read again when it changes."),
        .init("crio.api", "stream_tls_key", \.api.streamTLSKey, "The certificate's key, PEM; read again when it changes."),
        .init(
            "crio.api", "stream_tls_ca", \.api.streamTLSCA, "Certificates that clients must be signed by, PEM; empty for no such demand."),
        .init(
            "crio.api", "stream_idle_timeout", \.api.streamIdleTimeout,
            "After how long without traffic a stream is ended, as \"4h\"; empty for four hours."),
    ]

    private static let runtime: [ConfigurationKey] = [
        .init(
            "crio.runtime", "default_runtime", \.runtime.defaultRuntime,
            "The runtime handler of pods that name none; empty for crun where it is installed and works, else runc.", reloads: true),
        .init("crio.runtime", "conmon", \.runtime.conmon, "The file of conmon; empty to look in PATH."),
        .init(
            "crio.runtime", "conmon_cgroup", \.runtime.conmonCgroup,
            "Where conmon has a cgroup of its own: \"pod\" or empty for in the pod's, or a slice where systemd makes cgroups."),
        .init("crio.runtime", "conmon_env", \.runtime.conmonEnv, "The environment of conmon, KEY=VALUE."),
        .init(
            "crio.runtime", "cgroup_manager", \.runtime.cgroupManager,
            "Who makes cgroups: \"systemd\" or \"cgroupfs\"; empty for what the host runs.", choices: ["", "systemd", "cgroupfs"]),
        .init(
            "crio.runtime", "default_capabilities", \.runtime.defaultCapabilities, "The capabilities of containers that ask for none.",
            reloads: true),
        .init("crio.runtime", "default_sysctls", \.runtime.defaultSysctls, "Sysctls of every pod, KEY=VALUE.", reloads: true),
        .init(
            "crio.runtime", "default_ulimits", \.runtime.defaultUlimits, "Resource limits of every container, NAME=SOFT:HARD.",
            reloads: true),
        .init("crio.runtime", "default_env", \.runtime.defaultEnv, "The environment of every container, KEY=VALUE.", reloads: true),
        .init(
            "crio.runtime", "pids_limit", \.runtime.pidsLimit, "Processes that a container may have; -1 or 0 for no bound.", reloads: true,
            range: -1...4_194_304),
        .init(
            "crio.runtime", "log_size_max", \.runtime.logSizeMax, "Bytes after which a container's log begins anew; negative for no bound.",
            reloads: true, range: -1...Int.max),
        .init("crio.runtime", "no_pivot", \.runtime.noPivot, "Whether containers enter their root by a move instead of pivot_root(2)."),
        .init("crio.runtime", "read_only", \.runtime.readOnly, "Whether every container's root file system is read-only.", reloads: true),
        .init(
            "crio.runtime", "absent_mount_sources_to_reject", \.runtime.absentMountSourcesToReject,
            "Host paths that are not made as directories where a container mounts them and they are absent.", reloads: true),
        .init(
            "crio.runtime", "seccomp_profile", \.runtime.seccompProfile,
            "The file of the RuntimeDefault seccomp profile; empty for the built-in one.", reloads: true),
        .init(
            "crio.runtime", "enable_criu_support", \.runtime.enableCRIUSupport,
            "Whether containers can be checkpointed and restored, where CRIU works."),
        .init(
            "crio.runtime", "enable_pod_events", \.runtime.enablePodEvents,
            "Whether events of pods and containers are served to those who ask, such as a kubelet with EventedPLEG.", reloads: true),
        .init(
            "crio.runtime", "privileged_seccomp_profile", \.runtime.privilegedSeccompProfile,
            "The file of the seccomp profile of privileged containers; empty for none.", reloads: true),
        .init(
            "crio.runtime", "seccomp_use_default_when_empty", \.runtime.seccompUseDefaultWhenEmpty,
            "Whether containers whose request names no seccomp profile get the RuntimeDefault one; otherwise they get none.", reloads: true),
        .init(
            "crio.runtime", "apparmor_profile", \.runtime.apparmorProfile,
            "The RuntimeDefault AppArmor profile: \"swiftlet-default\", which is loaded at start, one loaded before, or \"unconfined\"."),
        .init("crio.runtime", "selinux", \.runtime.selinux, "Whether containers get SELinux labels, on hosts where SELinux is enabled."),
        .init(
            "crio.runtime", "hostnetwork_disable_selinux", \.runtime.hostnetworkDisableSelinux,
            "Whether processes in the host's network namespace get no SELinux label."),
        .init("crio.runtime", "hooks_dir", \.runtime.hooksDir, "Directories of hooks, oci-hooks(5); later ones win.", reloads: true),
        .init(
            "crio.runtime", "default_mounts_file", \.runtime.defaultMountsFile,
            "The file of mounts that every container gets, /SRC:/DST a line; empty for /etc/containers/mounts.conf and its default.",
            reloads: true),
        .init("crio.runtime", "default_mounts", \.runtime.defaultMounts, "More such mounts, /SRC:/DST; deprecated.", reloads: true),
        .init(
            "crio.runtime", "timezone", \.runtime.timezone,
            "The time zone of containers: a name such as \"Europe/Berlin\", or \"Local\" for the host's; empty for the image's.",
            reloads: true),
        .init(
            "crio.runtime", "add_inheritable_capabilities", \.runtime.addInheritableCapabilities,
            "Whether containers' capabilities are inheritable, too.", reloads: true),
        .init(
            "crio.runtime", "bind_mount_prefix", \.runtime.bindMountPrefix,
            "Before every host path that a container mounts: where the host's root is, for a daemon in a container.", reloads: true),
        .init(
            "crio.runtime", "infra_ctr_cpuset", \.runtime.infraCtrCPUSet,
            "The CPUs of the init of pods that share a PID namespace, as 0-3,5; empty for all.", reloads: true),
        .init(
            "crio.runtime", "blockio_config_file", \.runtime.blockIOConfigFile,
            "The file of blockio classes, which annotations choose from; empty to pass such annotations over.", reloads: true),
        .init(
            "crio.runtime", "blockio_reload", \.runtime.blockIOReload, "Whether that file is read anew for each container with a class.",
            reloads: true),
        .init(
            "crio.runtime", "rdt_config_file", \.runtime.rdtConfigFile,
            "The file of RDT classes, which annotations choose from; empty to refuse such annotations.", reloads: true),
        .init(
            "crio.runtime", "log_level", \.runtime.logLevel, "From which level on events are logged; --log-level wins.", reloads: true,
            choices: ["trace", "debug", "info", "notice", "warn", "warning", "error", "critical", "fatal", "panic"]),
        .init(
            "crio.runtime", "log_filter", \.runtime.logFilter, "A regular expression that logged messages have to match; empty for all.",
            reloads: true),
        .init("crio.runtime", "pinns_path", \.runtime.pinnsPath, "The file of swiftlet-pin; empty to look beside the daemon and in PATH."),
        .init(
            "crio.runtime", "additional_devices", \.runtime.additionalDevices,
            "Devices of every container, HOST[:CONTAINER][:PERMISSIONS]; a directory stands for all devices in it."),
        .init(
            "crio.runtime", "allowed_devices", \.runtime.allowedDevices,
            "Devices of the host that pods may ask for by the annotation devices.crio.io, where their handler allows it."),
        .init(
            "crio.runtime", "device_ownership_from_security_context", \.runtime.deviceOwnershipFromSecurityContext,
            "Whether a container's devices belong to its RunAsUser and RunAsGroup instead of the host's owner."),
        .init(
            "crio.runtime", "cdi_spec_dirs", \.runtime.cdiSpecDirs,
            "Directories of Container Device Interface specifications; the later ones win."),
        .init(
            "crio.runtime", "minimum_mappable_uid", \.runtime.minimumMappableUID,
            "The least uid of the host that a pod's user namespace may be mapped to; -1 for any.", range: -1...4_294_967_294),
        .init(
            "crio.runtime", "minimum_mappable_gid", \.runtime.minimumMappableGID,
            "The least gid of the host that a pod's user namespace may be mapped to; -1 for any.", range: -1...4_294_967_294),
    ]

    private static let image: [ConfigurationKey] = [
        .init(
            "crio.image", "pinned_images", \.image.pinnedImages,
            "Images that the kubelet must not collect: names, with * at the end or at both ends.", reloads: true),
        .init(
            "crio.image", "global_auth_file", \.image.globalAuthFile,
            "The file of credentials for registries, auth.json(5); empty for the usual places."),
        .init("crio.image", "namespaced_auth_dir", \.image.namespacedAuthDir, "A directory with such files for namespaces' pulls."),
        .init("crio.image", "signature_policy", \.image.signaturePolicy, "The file policy.json(5); empty for the usual place."),
        .init("crio.image", "signature_policy_dir", \.image.signaturePolicyDir, "A directory with such files for namespaces' pulls."),
        .init(
            "crio.image", "insecure_registries", \.image.insecureRegistries,
            "Registries that may be spoken to without TLS or with a certificate that does not verify."),
        .init("crio.image", "registries_conf", \.image.registriesConf, "The file registries.conf(5)."),
        .init("crio.image", "registries_conf_dir", \.image.registriesConfDir, "The directory of its drop-in files."),
        .init("crio.image", "certs_dirs", \.image.certsDirs, "Directories of registries' certificates, certs.d(5)."),
        .init(
            "crio.image", "short_name_mode", \.image.shortNameMode, "How short names are resolved; empty for what registries.conf says.",
            choices: ["", "enforcing", "permissive", "disabled"]),
        .init(
            "crio.image", "default_transport", \.image.defaultTransport, "Where images come from: registries alone.",
            choices: ["docker://"]),
    ]

    private static let network: [ConfigurationKey] = [
        .init("crio.network", "cni_default_network", \.network.cniDefaultNetwork, "The network of pods; empty for the first one found."),
        .init("crio.network", "network_dir", \.network.networkDir, "The directory of CNI configurations."),
        .init("crio.network", "plugin_dirs", \.network.pluginDirs, "The directories of CNI plugins."),
    ]

    private static let stats: [ConfigurationKey] = [
        .init(
            "crio.stats", "included_pod_metrics", \.stats.includedPodMetrics,
            "The groups of metrics that pods have, such as \"cpu\" and \"memory\"; \"all\" alone for all of them.", reloads: true)
    ]

    /// Keys of crio.conf(5) that mean nothing here, and why: a file that has them is taken as it is, with a warning.
    static let withoutEffect: [String: String] = {
        let storage = "images are kept in Swiftlet's own layout, by overlay"
        let infra = "pods have no pause container"
        let later = "this version does not do it yet"
        let current = "figures are read when they are asked for"
        return [
            "crio.stats.stats_collection_period": current, "crio.stats.collection_period": current,
            "crio.storage_driver": storage, "crio.storage_option": storage, "crio.imagestore": storage,
            "crio.log_dir": "the kubelet says where logs go",
            "crio.version_file": "start-up always recovers", "crio.version_file_persist": "start-up always recovers",
            "crio.internal_wipe": "start-up always recovers", "crio.internal_repair": "start-up always recovers",
            "crio.clean_shutdown_file": "start-up always recovers", "crio.api.grpc_max_send_msg_size": "long lists are streamed",
            "crio.api.grpc_max_recv_msg_size": "long lists are streamed", "crio.api.host_ip": later, "crio.runtime.drop_infra_ctr": infra,
            "crio.image.pause_image": infra, "crio.image.pause_image_auth_file": infra,
            "crio.image.pause_command": infra,
            "crio.runtime.namespaces_dir": "namespaces are pinned below runroot",
            "crio.runtime.container_exits_dir": "exits are kept below runroot",
            "crio.runtime.container_attach_socket_dir": "sockets are kept below runroot",
            "crio.runtime.manage_ns_lifecycle": "namespaces are always managed",
            "crio.runtime.ctr_stop_timeout": "the kubelet gives each container its time",
            "crio.runtime.uid_mappings": later, "crio.runtime.gid_mappings": later,
            "crio.runtime.log_to_journald": later, "crio.runtime.no_sync_log": "logs are never synchronised",
            "crio.runtime.separate_pull_cgroup": later,
            "crio.runtime.irqbalance_config_file": later,
            "crio.runtime.irqbalance_config_restore_file": later,
            "crio.runtime.shared_cpuset": later,
            "crio.runtime.disable_hostport_mapping": later,
            "crio.image.image_volumes": "volumes of images are directories",
            "crio.image.big_files_temporary_dir": "layers are unpacked as they arrive",
            "crio.image.separate_pull_cgroup": later, "crio.image.auto_reload_registries": "use SIGHUP",
            "crio.image.pull_progress_timeout": later,
            "crio.image.oci_artifact_mount_support": later, "crio.image.max_parallel_pulls": later,
        ]
    }()

    /// Tables of crio.conf(5) that are taken whole, without effect.
    static let tablesWithoutEffect = ["crio.metrics", "crio.tracing", "crio.nri"]

    /// Keys of a runtime handler's table that mean nothing here, and why.
    static let handlerKeysWithoutEffect: [String: String] = [
        "runtime_config_path": "it is for runtimes of virtual machines", "no_sync_log": "logs are never synchronised",
        "stream_websockets": "WebSocket is always served", "exec_cpu_affinity": "this version does not do it yet",
        "seccomp_profile": "this version does not do it yet", "monitor_exec_cgroup": "there is no monitor of an exec",
    ]
}
