import CRI

/// The contexts that the host's policy has for containers, lxc_contexts(5).
public struct SELinuxPolicy: Sendable, Equatable {
    /// Of containers' processes.
    public var process: SELinuxContext
    /// Of the files that they may use.
    public var file: SELinuxContext
    /// Whether containers in the host's network namespace run without a label of their own: `hostnetwork_disable_selinux`.
    public var disabledOnHostNetwork: Bool

    /// Reads lines of `key = "context"`; what the text does not have is as container-selinux has it.
    public init(lxcContexts text: String, disabledOnHostNetwork: Bool = true) {
        var contexts: [String: SELinuxContext] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: "=", maxSplits: 1).map { String($0.filter { !$0.isWhitespace && $0 != "\"" }) }
            guard parts.count == 2, let first = parts[0].first, first != "#", first != ";" else { continue }
            contexts[parts[0]] = SELinuxContext(parts[1])
        }
        process = contexts["process"] ?? .init(user: "system_u", role: "system_r", type: "container_t", level: "s0")
        file = contexts["file"] ?? .init(user: "system_u", role: "object_r", type: "container_file_t", level: "s0")
        self.disabledOnHostNetwork = disabledOnHostNetwork
    }

    /// The name of the host's policy in the text of /etc/selinux/config.
    static func name(configuration text: String) -> String? {
        text.split(whereSeparator: \.isNewline).compactMap { line -> String? in
            let parts = line.split(separator: "=", maxSplits: 1).map { String($0.filter { !$0.isWhitespace }) }
            return parts.count == 2 && parts[0] == "SELINUXTYPE" && !parts[1].contains("/") ? parts[1] : nil
        }.last
    }

    /// The labels of a pod that all its containers start from.
    /// - Parameter level: the pod's own pair of categories, for where the request has no level.
    /// - Throws: `SpecError.invalid` for options that are no parts of a context.
    public func labels(pod options: Runtime_V1_SELinuxOption, level: String) throws(SpecError) -> SELinuxLabels {
        var labels = SELinuxLabels(process: process, file: file)
        // A policy without categories has no level in its contexts, and takes none.
        if process.level != nil {
            labels.process.level = level
            labels.file.level = level
        }
        return try labels.changed(by: options)
    }
}

/// The label of processes and the one of the files that are theirs. Kept with the pod.
public struct SELinuxLabels: Codable, Sendable, Equatable {
    public var process: SELinuxContext
    public var file: SELinuxContext

    public init(process: SELinuxContext, file: SELinuxContext) {
        self.process = process
        self.file = file
    }

    /// The type of processes that the policy confines in nothing.
    static let unconfinedType = "spc_t"

    /// With the options in place of what they name. User and level tie processes to files, so they go into both labels.
    /// - Throws: `SpecError.invalid`.
    func changed(by options: Runtime_V1_SELinuxOption) throws(SpecError) -> SELinuxLabels {
        for (name, part) in [("user", options.user), ("role", options.role), ("type", options.type), ("level", options.level)] {
            guard part.allSatisfy({ Self.belongs($0, in: name) }) else {
                throw .invalid("the SELinux option \(name) is \(part.debugDescription), which is no part of a context")
            }
        }
        var result = self
        if let user = options.user.nonEmpty { (result.process.user, result.file.user) = (user, user) }
        if let role = options.role.nonEmpty { result.process.role = role }
        if let type = options.type.nonEmpty { result.process.type = type }
        if let level = options.level.nonEmpty { (result.process.level, result.file.level) = (level, level) }
        return result
    }

    private static func belongs(_ character: Character, in part: String) -> Bool {
        guard character.isASCII else { return false }
        return character.isLetter || character.isNumber || "_-.,".contains(character) || (character == ":" && part == "level")
    }

    /// The labels of a container of the pod.
    /// - Throws: `SpecError.invalid`.
    public func container(
        _ context: Runtime_V1_LinuxContainerSecurityContext, policy: SELinuxPolicy
    ) throws(SpecError) -> ContainerLabels {
        let labels = try changed(by: context.selinuxOptions)
        let options = context.namespaceOptions
        var result = ContainerLabels(process: labels.process.description, file: labels.file.description)
        // A container without confinement leaves the labels of what it is given to those that are confined.
        result.relabels = labels.process.type != Self.unconfinedType
        if context.privileged { result.process = nil }
        // Processes and queues that are shared with the host cannot be told apart by labels.
        if options.pid == .node || options.ipc == .node { (result.process, result.file) = (nil, nil) }
        if options.network == .node, policy.disabledOnHostNetwork { result.process = nil }
        return result
    }
}

/// What a container is labelled with; nil is "not at all", which leaves its process to the policy's own transition.
public struct ContainerLabels: Sendable, Equatable {
    public var process: String?
    /// Of its root file system and of the mounts that ask to be relabelled.
    public var file: String?
    /// Whether mounts that ask for it are relabelled.
    public var relabels = true

    public init(process: String? = nil, file: String? = nil) {
        self.process = process
        self.file = file
    }
}
