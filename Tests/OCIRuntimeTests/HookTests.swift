import Foundation
import Logging
import OCI
import Testing

@testable import OCIRuntime

@Suite struct HookTests {
    private func hook(_ when: String, path: String = "/bin/true", stages: String = #"["prestart"]"#) throws -> HookDefinition {
        try HookDefinition(json: Array(#"{"version":"1.0.0","hook":{"path":"\#(path)"},"when":\#(when),"stages":\#(stages)}"#.utf8))
    }

    @Test func aWholeFileIsRead() throws {
        let text = """
            {"version": "1.0.0", "hook": {"path": "/bin/h", "args": ["h", "x"], "env": ["A=b"], "timeout": 3}, "unknown": 1,
             "when": {"always": true, "annotations": {"^a$": "b"}, "commands": ["sh$"], "hasBindMounts": true},
             "stages": ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]}
            """
        let definition = try HookDefinition(json: Array(text.utf8))
        #expect(definition.hook == Spec.Hook(path: "/bin/h", args: ["h", "x"], env: ["A=b"], timeout: 3))
        #expect(definition.stages == HookStage.allCases)
        #expect(definition.when.always == true && definition.when.hasBindMounts == true)
        #expect(try definition.when.annotations == [.init(name: Pattern("^a$"), value: Pattern("b"))])
        #expect(try definition.when.commands == [Pattern("sh$")])
    }

    @Test(arguments: [
        ("", "it is not JSON"), ("[]", "another kind"), ("{\"version\":\"1.0.0\"", "it is not JSON"), ("{}", "its version is missing"),
        (#"{"version":"2.0.0"}"#, "its version is '2.0.0'"), (#"{"version":"0.1.0","hook":"/x"}"#, "'0.1.0'"),
        (#"{"version":1}"#, "'version'"), (#"{"version":"1.0.0","when":{},"stages":[]}"#, "no 'hook'"),
        (#"{"version":"1.0.0","hook":{},"when":{},"stages":[]}"#, "no 'hook.path'"),
        (#"{"version":"1.0.0","hook":{"path":"/x"},"stages":[]}"#, "no 'when'"),
        (#"{"version":"1.0.0","hook":{"path":"/x"},"when":{}}"#, "no 'stages'"),
        (#"{"version":"1.0.0","hook":{"path":"x"},"when":{},"stages":[]}"#, "not absolute"),
        (#"{"version":"1.0.0","hook":{"path":"/x","timeout":0},"when":{},"stages":[]}"#, "its timeout is 0"),
        (#"{"version":"1.0.0","hook":{"path":"/x"},"when":{"always":"yes"},"stages":[]}"#, "'when.always'"),
        (#"{"version":"1.0.0","hook":{"path":"/x"},"when":{"commands":["("]},"stages":[]}"#, "'(' is no regular expression"),
        (#"{"version":"1.0.0","hook":{"path":"/x"},"when":{"annotations":{"[":"x"}},"stages":[]}"#, "'[' is no regular expression"),
        (#"{"version":"1.0.0","hook":{"path":"/x"},"when":{},"stages":["never"]}"#, "its stage 'never' is none of prestart"),
    ])
    func whatIsNoHookSaysWhy(_ text: String, _ reason: String) {
        #expect { try HookDefinition(json: Array(text.utf8)) } throws: { "\($0)".contains(reason) }
    }

    @Test(arguments: [
        (#"{}"#, false), (#"{"always":true}"#, true), (#"{"always":false}"#, false), (#"{"always":false,"commands":["sh"]}"#, false),
        (#"{"hasBindMounts":true}"#, true), (#"{"hasBindMounts":false}"#, false), (#"{"commands":["^/bin/sh$","x"]}"#, true),
        (#"{"commands":["^sh$"]}"#, false), (#"{"always":true,"commands":["^sh$"]}"#, false), (#"{"annotations":{"^app$":"^web"}}"#, true),
        (#"{"annotations":{"^app$":"db"}}"#, false), (#"{"annotations":{"^app$":"web","other":".*"}}"#, false),
        (#"{"annotations":{".*":"web"},"commands":["sh"],"hasBindMounts":true,"always":true}"#, true),
    ])
    func conditions(_ when: String, _ matches: Bool) throws {
        let container = HookedContainer(annotations: ["app": "web-1", "x": "y"], program: "/bin/sh", hasMounts: true)
        #expect(try hook(when).when.matches(container) == matches)
        #expect(try hook(#"{"hasBindMounts":true}"#).when.matches(HookedContainer()) == false)
    }

    @Test func laterDirectoriesWinAndNamesOrder() throws {
        let always = #"{"always":true}"#
        let all = HookSet([
            ["b.json": try hook(always, path: "/b"), "C.json": try hook(always, path: "/c", stages: #"["poststop","createRuntime"]"#)],
            ["b.json": try hook(always, path: "/b2"), "a.json": try hook(#"{"always":false}"#, path: "/a")],
        ])
        let hooks = try #require(all.hooks(for: HookedContainer()))
        #expect(hooks.createRuntime?.map(\.path) == ["/b2", "/c"] && hooks.poststop?.map(\.path) == ["/c"])
        #expect(hooks.prestart == nil && hooks.poststart == nil)
        #expect(HookSet().hooks(for: HookedContainer()) == nil)
    }

    @Test func theSpecificationHasThem() throws {
        var sample = Sample()
        sample.hooks = HookSet([["a.json": try hook(#"{"commands":["^run$"],"annotations":{"^pod$":"1","^own$":"2"}}"#)]])
        #expect(try sample.build().hooks == nil)
        sample.sandbox.annotations = ["pod": "1"]
        sample.config.annotations = ["own": "2"]
        #expect(try sample.build().hooks?.createRuntime == [Spec.Hook(path: "/bin/true")])
    }

    @Test func changesOfFilesAreSeenAndBadOnesLeftOut() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "swiftlet-hooks-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: directory) }
        let hooks = HookDirectories([directory.path], logger: Logger(label: "test"))
        #expect(hooks.current() == HookSet())
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        func write(_ name: String, _ path: String) throws {
            let text = #"{"version":"1.0.0","hook":{"path":"\#(path)"},"when":{"always":true},"stages":["poststop"]}"#
            try text.write(to: directory.appending(path: name), atomically: false, encoding: .utf8)
        }
        try write("a.json", "/bin/true")
        try write("no.txt", "/bin/true")
        try write("missing.json", "/no/such/program")
        #expect(hooks.current().hooks(for: HookedContainer())?.poststop?.map(\.path) == ["/bin/true"])
        #expect(HookDirectories.read([directory.path]).problems.map(\.file) == ["\(directory.path)/missing.json"])
        try write("a.json", "/bin/cat")
        #expect(hooks.current().hooks(for: HookedContainer())?.poststop?.map(\.path) == ["/bin/cat"])
        try FileManager.default.removeItem(at: directory.appending(path: "a.json"))
        #expect(hooks.current() == HookSet())
    }
}
