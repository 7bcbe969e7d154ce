import Linux
import OCIRuntime

/// What the configuration's own files say about all containers, and where they are.
public struct ConfiguredSources: Sendable {
    /// Nil for none.
    public var hooks: HookDirectories?
    /// Files of default mounts: the first that is there counts.
    public var mountFiles: [String] = []
    /// Default mounts beside those.
    public var mounts = DefaultMounts(lines: [])
    /// Before the host's paths of mounts.
    public var mountPrefix = ""
    /// Nil where no classes are configured.
    public var blockIO: BlockIOFile?
    public var rdt: RDTClasses?
    /// The CPUs of pods' inits; nil for all.
    public var initCPUs: CPUSet?

    public init() {}
}

/// The file of blockio classes.
public struct BlockIOFile: Sendable {
    let path: String
    /// Whether the file is read for each container.
    let reload: Bool
    private let classes: BlockIOClasses

    /// Blocks.
    /// - Throws: `SystemError` where it cannot be read, `SpecError` where it is wrong.
    public init(path: String, reload: Bool) throws {
        (self.path, self.reload) = (path, reload)
        classes = try Self.read(path)
    }

    /// Blocks.
    func current() throws -> BlockIOClasses { reload ? try Self.read(path) : classes }

    private static func read(_ path: String) throws -> BlockIOClasses {
        try BlockIOClasses(yaml: try Files.readText(path), source: path)
    }
}
