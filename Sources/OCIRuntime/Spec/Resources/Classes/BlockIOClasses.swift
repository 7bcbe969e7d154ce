import OCI
import Yams

/// Classes of block I/O (`blockio_config_file`): YAML in the form of goresctrl's blockio package.
public struct BlockIOClasses: Sendable, Equatable {
    /// What one entry of a class says about some devices; without devices about all.
    struct Entry: Sendable, Equatable {
        /// Paths of devices, with the wildcards of glob(7).
        var devices: [String] = []
        var weight: UInt16?
        /// Bytes, and operations, a second.
        var readBps: UInt64?
        var writeBps: UInt64?
        var readIOPS: UInt64?
        var writeIOPS: UInt64?
    }

    let classes: [String: [Entry]]

    public var names: [String] { classes.keys.sorted() }

    /// - Throws: `SpecError.invalid` saying where the text is wrong.
    public init(yaml: String, source: String) throws(SpecError) {
        let root: Yams.Node?
        do { root = try Yams.compose(yaml: yaml) } catch { throw .invalid("\(source) is not YAML: \(error)") }
        var classes: [String: [Entry]] = [:]
        do throws(SpecError) {
            for (key, value) in try YAMLObject(root, "the file").fields {
                guard key == "classes" else { throw .invalid("it has the unknown key '\(key)'") }
                for (name, list) in try YAMLObject(value, "classes", lowercased: false).fields {
                    guard let entries = list.sequence else { throw .invalid("the class '\(name)' is no list") }
                    classes[name] = []
                    for entry in entries { classes[name]?.append(try Entry(entry, of: name)) }
                }
            }
        } catch { throw .invalid("\(source): \(error)") }
        self.classes = classes
    }

    /// The class's parameters for the devices of this host: a later entry wins over an earlier one for the same device.
    /// - Parameter find: the whole devices that a path with wildcards names.
    /// - Throws: `SpecError.invalid` for a class that there is not.
    public func parameters(
        of name: String, find: (String) -> [(major: Int64, minor: Int64)]
    ) throws(SpecError) -> Spec.BlockIO {
        guard let entries = classes[name] else {
            throw .invalid("there is no blockio class '\(name)': configured are \(names.joined(separator: ", ")) (see blockio_config_file)")
        }
        var result = Spec.BlockIO()
        for entry in entries {
            if entry.devices.isEmpty { result.weight = entry.weight ?? result.weight }
            for (major, minor) in entry.devices.flatMap(find) {
                if let weight = entry.weight { result.weightDevice.set(.init(major: major, minor: minor, weight: weight)) }
                func throttle(_ list: WritableKeyPath<Spec.BlockIO, [Spec.ThrottleDevice]?>, _ rate: UInt64?) {
                    if let rate { result[keyPath: list].set(.init(major: major, minor: minor, rate: rate)) }
                }
                throttle(\.throttleReadBpsDevice, entry.readBps)
                throttle(\.throttleWriteBpsDevice, entry.writeBps)
                throttle(\.throttleReadIOPSDevice, entry.readIOPS)
                throttle(\.throttleWriteIOPSDevice, entry.writeIOPS)
            }
        }
        return result
    }
}

extension BlockIOClasses.Entry {
    init(_ node: Yams.Node, of name: String) throws(SpecError) {
        self.init()
        for (key, value) in try YAMLObject(node, "an entry of the class '\(name)'").fields {
            if key == "devices" {
                guard let list = value.sequence else { throw .invalid("the devices of the class '\(name)' are no list") }
                devices = list.compactMap(\.string)
                continue
            }
            let text = value.string ?? ""
            guard let amount = BinaryQuantity.value(text) else {
                throw .invalid("\(key) of the class '\(name)' is '\(text)', which is no quantity such as 50M or 10k")
            }
            switch key {
            case "weight":
                guard (10...1000).contains(amount) else { throw .invalid("the weight \(amount) of the class '\(name)' is not from 10 to 1000") }
                weight = UInt16(amount)
            case "throttlereadbps": readBps = amount
            case "throttlewritebps": writeBps = amount
            case "throttlereadiops": readIOPS = amount
            case "throttlewriteiops": writeIOPS = amount
            default: throw .invalid("an entry of the class '\(name)' has the unknown key '\(key)'")
            }
        }
        if devices.isEmpty, readBps != nil || writeBps != nil || readIOPS != nil || writeIOPS != nil {
            throw .invalid("the class '\(name)' throttles without naming devices")
        }
    }
}

extension [Spec.WeightDevice]? {
    fileprivate mutating func set(_ device: Spec.WeightDevice) {
        self = (self ?? []).filter { ($0.major, $0.minor) != (device.major, device.minor) } + [device]
    }
}

extension [Spec.ThrottleDevice]? {
    fileprivate mutating func set(_ device: Spec.ThrottleDevice) {
        self = (self ?? []).filter { ($0.major, $0.minor) != (device.major, device.minor) } + [device]
    }
}
