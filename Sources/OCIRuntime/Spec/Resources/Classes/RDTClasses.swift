import Linux
import Yams

/// Classes of the CPU's shared resources, Intel RDT (`rdt_config_file`): YAML in the form of goresctrl's rdt package, as far as it says
/// which classes there are and who may choose them. The classes' groups below the resctrl file system are made by who administers it.
public struct RDTClasses: Sendable, Equatable {
    struct Permission: Sendable, Equatable {
        var pods = true
        var containers = true
    }

    let classes: [String: Permission]

    public var names: [String] { classes.keys.sorted() }

    /// The class of all that has none.
    public static let root = "system/default"

    /// - Throws: `SpecError.invalid` saying where the text is wrong.
    public init(yaml: String, source: String) throws(SpecError) {
        let root: Yams.Node?
        do { root = try Yams.compose(yaml: yaml) } catch { throw .invalid("\(source) is not YAML: \(error)") }
        var classes: [String: Permission] = [:]
        do throws(SpecError) {
            let partitions = try YAMLObject(try YAMLObject(root, "the file")["partitions"], "partitions", lowercased: false)
            for (partition, content) in partitions.fields {
                let list = try YAMLObject(content, "the partition '\(partition)'")["classes"]
                for (name, content) in try YAMLObject(list, "classes", lowercased: false).fields {
                    guard Self.isName(name) else { throw .invalid("'\(name)' cannot be the name of a class") }
                    guard classes[name] == nil else { throw .invalid("the class '\(name)' is there twice") }
                    let options = try YAMLObject(try YAMLObject(content, "the class '\(name)'")["kubernetes"], "kubernetes")
                    classes[name] = Permission(
                        pods: options["denypodannotation"]?.bool != true, containers: options["denycontainerannotation"]?.bool != true)
                }
            }
        } catch { throw .invalid("\(source): \(error)") }
        self.classes = classes
    }

    /// A name is one of a directory.
    static func isName(_ name: String) -> Bool {
        name == root || (!name.isEmpty && name.utf8.count < 256 && name != "." && name != ".." && !name.contains { $0 == "/" || $0 == "\n" })
    }

    /// Checks that a container may have a class.
    /// - Parameter exists: whether the class has its group in the resctrl file system.
    /// - Returns: the closID of the specification; nil for the class of all that has none.
    /// - Throws: `SpecError`.
    public func closID(
        _ name: String, by origin: ClassAnnotations.Origin, exists: (String) -> Bool
    ) throws(SpecError) -> String? {
        if name == Self.root || name.isEmpty { return nil }
        guard let permission = classes[name] else {
            throw .invalid("there is no RDT class '\(name)': configured are \(names.joined(separator: ", ")) (see rdt_config_file)")
        }
        guard origin == .pod ? permission.pods : permission.containers else {
            throw .invalid("the RDT class '\(name)' may not be chosen by an annotation of the \(origin == .pod ? "pod" : "container")")
        }
        guard exists(name) else { throw .unsupported("the RDT class '\(name)' has no group: make /sys/fs/resctrl/\(name) with its schemata") }
        return name
    }

    /// Whether this host has the resctrl file system mounted. Blocks.
    public static var isSupported: Bool { Files.exists("/sys/fs/resctrl/schemata") }

    /// Whether a class has its group. Blocks.
    public static func hasGroup(_ name: String) -> Bool { Files.isDirectory("/sys/fs/resctrl/\(name)") }
}
