import Linux

extension SELinuxPolicy {
    /// Reads the contexts of the policy that the host runs. Blocks.
    /// - Parameter root: where the host's files are.
    public static func probe(disabledOnHostNetwork: Bool, root: String = "") -> SELinuxPolicy {
        let name = (try? Files.readText("\(root)/etc/selinux/config")).flatMap { Self.name(configuration: $0) } ?? "targeted"
        // What the package of the containers' policy brings wins over the base policy's.
        let files = ["/usr/share/containers/selinux/contexts", "/etc/selinux/\(name)/contexts/lxc_contexts"]
        let text = files.lazy.compactMap { try? Files.readText(root + $0) }.first
        return SELinuxPolicy(lxcContexts: text ?? "", disabledOnHostNetwork: disabledOnHostNetwork)
    }
}
