import FoundationEssentials
import OCI

/// A hook's file, oci-hooks(5), schema 1.0.0: a program that the runtime calls in a container's life, and for which containers.
public struct HookDefinition: Sendable, Equatable {
    public var hook: Spec.Hook
    public var when: HookCondition
    public var stages: [HookStage]

    /// - Throws: `HookError` saying what is wrong with the text.
    public init(json: [UInt8]) throws(HookError) {
        let version: String?
        do { version = try JSONDecoder().decode(Version.self, from: Data(json)).version } catch { throw HookError(decoding: error) }
        guard version == "1.0.0" else {
            throw HookError("its version is \(version.map { "'\($0)'" } ?? "missing"); hooks of version 1.0.0 are understood")
        }
        let document: Document
        do { document = try JSONDecoder().decode(Document.self, from: Data(json)) } catch { throw HookError(decoding: error) }
        guard document.hook.path.hasPrefix("/") else { throw HookError("its path '\(document.hook.path)' is not absolute") }
        if let timeout = document.hook.timeout, timeout <= 0 { throw HookError("its timeout is \(timeout); it takes a number of seconds") }
        hook = document.hook
        when = try document.when.condition()
        stages = []
        for name in document.stages {
            guard let stage = HookStage(rawValue: name) else {
                throw HookError("its stage '\(name)' is none of \(HookStage.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            stages.append(stage)
        }
    }

    private struct Version: Decodable {
        var version: String?
    }

    private struct Document: Decodable {
        var hook: Spec.Hook
        var when: When
        var stages: [String]
    }

    private struct When: Decodable {
        var always: Bool?
        var annotations: [String: String]?
        var commands: [String]?
        var hasBindMounts: Bool?

        func condition() throws(HookError) -> HookCondition {
            var condition = HookCondition()
            condition.always = always
            condition.hasBindMounts = hasBindMounts
            do throws(PatternError) {
                for (name, value) in (annotations ?? [:]).sorted(by: { $0.key < $1.key }) {
                    condition.annotations.append(.init(name: try Pattern(name), value: try Pattern(value)))
                }
                for command in commands ?? [] { condition.commands.append(try Pattern(command)) }
            } catch { throw HookError("\(error)") }
            return condition
        }
    }
}

/// When the runtime calls a hook: config.md "POSIX-platform Hooks".
public enum HookStage: String, Sendable, CaseIterable {
    case prestart, createRuntime, createContainer, startContainer, poststart, poststop
}

/// What is wrong with a hook's file.
public struct HookError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }

    init(decoding error: any Error) {
        func place(_ path: [any CodingKey]) -> String { path.map(\.stringValue).joined(separator: ".") }
        switch error {
        case DecodingError.keyNotFound(let key, let context): description = "it has no '\(place(context.codingPath + [key]))'"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
            description = "its '\(place(context.codingPath))' is of another kind than it has to be"
        default: description = "it is not JSON"
        }
    }
}
