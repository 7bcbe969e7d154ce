import CLinux
import Glibc

/// An overlay of directories, Linux, Documentation/filesystems/overlayfs.rst. All calls can wait: run them on the blocking pool.
///
/// Kernels from 6.8 take its layers one at a time, whatever their paths. Older ones take all of them in one text of a page;
/// there each layer gets a link with a short name, and the mount is made by a thread whose working directory holds the links.
/// What is more than the kernel stacks is shown to it as one layer: the lowest ones in an overlay of their own.
public struct Overlay: Sendable {
    /// Directories, the topmost first.
    public var lower: [String]
    /// Where changes go, and the directory that the kernel prepares them in; nil for a read-only view.
    public var changes: (upper: String, work: String)?
    /// More options of the file system, `key=value` or a flag.
    public var options: [String]
    /// What is written needs not outlive the mount: neither fsync(2) nor unmounting waits for the disk, where the kernel can.
    public var isVolatile: Bool
    /// A directory for what is needed while it is mounted; made and removed.
    public var scratch: String

    /// The most layers below the upper one: OVL_MAX_STACK.
    public static let mostLayers = 500
    /// The most layers in all: those, of which the lowest is an overlay of as many.
    public static let mostLayersInAll = 2 * mostLayers - 1

    public init(
        lower: [String], changes: (upper: String, work: String)? = nil, options: [String] = [], isVolatile: Bool = false, scratch: String
    ) {
        (self.lower, self.changes, self.options, self.isVolatile, self.scratch) = (lower, changes, options, isVolatile, scratch)
    }

    /// Mounts it.
    /// - Throws: `SystemError`, with the kernel's own message where it left one; with E2BIG where there are more layers than
    ///   ``mostLayersInAll``.
    public func mount(at target: String) throws { try mount(at: target, oneByOne: Self.takesLayersOneByOne) }

    /// - Parameter oneByOne: whether the kernel is given the layers so.
    func mount(at target: String, oneByOne: Bool) throws {
        guard lower.count <= Self.mostLayersInAll else {
            throw SystemError("mount overlay", code: E2BIG, "\(target): \(lower.count) layers, and at most \(Self.mostLayersInAll) can be stacked")
        }
        try Files.makeDirectories(scratch, mode: 0o700)
        defer { rmdir(scratch) }
        guard lower.count > Self.mostLayers else { return try mountVolatile(at: target, oneByOne) }
        // Only the lowest can be merged before: what a layer hides of those below it is then all within.
        let merged = "\(scratch)/merged"
        try Files.makeDirectories(merged, mode: 0o700)
        defer { rmdir(merged) }
        let split = Self.mostLayers - 1
        try Overlay(lower: Array(lower[split...]), scratch: "\(scratch)/lowest").mount(at: merged, oneByOne: oneByOne)
        // The overlay above keeps it.
        defer { umount2(merged, CInt(MNT_DETACH)) }
        var top = self
        top.lower = lower[..<split] + [merged]
        try top.mountVolatile(at: target, oneByOne)
    }

    private func mountVolatile(at target: String, _ oneByOne: Bool) throws {
        let mount = oneByOne ? mountByLayers : mountByText
        guard isVolatile, !KernelFeature.volatileOverlay.isWithheld else { return try mount(options, target) }
        do { try mount(["volatile"] + options, target) } catch let error as SystemError where error.code == EINVAL {
            // Without the option it either works, or fails for the same reason.
            try mount(options, target)
        }
    }

    // MARK: - Linux 6.8

    /// Whether this kernel takes the layers one at a time. Asked once.
    public static let takesLayersOneByOne: Bool = {
        guard !KernelFeature.overlayLayersOneByOne.isWithheld else { return false }
        let raw = clinux_fsopen("overlay", 1)
        guard raw >= 0 else { return false }
        let context = OwnedDescriptor(raw)
        // Before 6.5 the parameters are collected unseen: then it takes this one, too.
        guard clinux_fsconfig(context.raw, 1, "no-such-parameter", "", 0) != 0 else { return false }
        return clinux_fsconfig(context.raw, 1, "lowerdir+", "/", 0) == 0
    }()

    private func mountByLayers(_ options: [String], _ target: String) throws {
        let context = OwnedDescriptor(try check("fsopen", "overlay") { clinux_fsopen("overlay", 1) })
        func set(_ key: String, _ value: String?) throws(SystemError) {
            let command: UInt32 = value == nil ? 0 : 1
            if clinux_fsconfig(context.raw, command, key, value, 0) != 0 { throw Self.failure("fsconfig \(key)", context, target) }
        }
        try set("source", "overlay")
        for layer in lower { try set("lowerdir+", layer) }
        if let changes {
            try set("upperdir", changes.upper)
            try set("workdir", changes.work)
        }
        for option in options {
            let parts = option.split(separator: "=", maxSplits: 1).map(String.init)
            try set(parts[0], parts.count > 1 ? parts[1] : nil)
        }
        if clinux_fsconfig(context.raw, 6, nil, nil, 0) != 0 { throw Self.failure("mount overlay", context, target) }
        let attributes: UInt32 = changes == nil ? 1 : 0
        let mount = OwnedDescriptor(try check("fsmount", target) { clinux_fsmount(context.raw, 1, attributes) })
        try check("move_mount", target) { clinux_move_mount(mount.raw, "", AT_FDCWD, target, 4) }
    }

    /// The kernel explains a refused mount on the context's descriptor, a line a read.
    private static func failure(_ call: String, _ context: OwnedDescriptor, _ target: String) -> SystemError {
        let code = errno
        var buffer = [UInt8](repeating: 0, count: 512)
        let count = read(context.raw, &buffer, buffer.count)
        let said = count > 2 ? " (\(String(decoding: buffer[2..<count], as: UTF8.self).split(separator: "\n").joined()))" : ""
        return SystemError(call, code: code, target + said)
    }

    // MARK: - Older kernels

    private func mountByText(_ options: [String], _ target: String) throws {
        let names = try LinkNames(scratch: scratch, directories: lower + (changes.map { [$0.upper, $0.work] } ?? []))
        defer { names.remove() }
        let text = Self.text(layers: lower.count, writable: changes != nil, options: options)
        guard text.utf8.count < Int(getpagesize()) else {
            throw SystemError("mount overlay", code: E2BIG, "\(target): its options are \(text.utf8.count) bytes, and this kernel takes a page")
        }
        let flags = changes == nil ? UInt(MS_RDONLY) : 0
        try WorkingDirectory.run(in: names.directory) {
            try check("mount overlay", target) { Glibc.mount("overlay", target, "overlay", flags, text) }
        }
    }

    /// What mount(2) is given: the layers by their links' names. A value with commas, as SELinux contexts have, is in quotes.
    static func text(layers: Int, writable: Bool, options: [String]) -> String {
        var parts = ["lowerdir=" + (0..<layers).map(LinkNames.name).joined(separator: ":")]
        if writable { parts += ["upperdir=\(LinkNames.name(layers))", "workdir=\(LinkNames.name(layers + 1))"] }
        for option in options {
            let pair = option.split(separator: "=", maxSplits: 1)
            parts.append(pair.count == 2 && pair[1].contains(",") && !pair[1].hasPrefix("\"") ? "\(pair[0])=\"\(pair[1])\"" : option)
        }
        return parts.joined(separator: ",")
    }

    /// Links to directories, named by their places in a list.
    private struct LinkNames {
        let directory: String
        private let count: Int

        init(scratch: String, directories: [String]) throws(SystemError) {
            directory = "\(scratch)/links"
            count = directories.count
            try Files.removeTree(directory)
            try Files.makeDirectories(directory, mode: 0o700)
            for (index, path) in directories.enumerated() {
                let link = "\(directory)/\(Self.name(index))"
                try check("symlink", link) { symlink(path, link) }
            }
        }

        static func name(_ index: Int) -> String { String(index, radix: 36) }

        func remove() {
            for index in 0..<count { unlink("\(directory)/\(Self.name(index))") }
            rmdir(directory)
        }
    }
}
