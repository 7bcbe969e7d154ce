import CRI
import Linux
import OCI
import Testing

@testable import OCIRuntime

/// On recorded texts and a parser of our own: the tests run where AppArmor is not.
@Suite struct AppArmorTests {
    private func name(
        appArmor: Bool = true, _ change: (inout Runtime_V1_LinuxContainerSecurityContext) -> Void
    ) throws -> String? {
        var sample = Sample()
        sample.host.appArmor = appArmor
        sample.settings.appArmorProfile = "standard"
        change(&sample.config.linux.securityContext)
        return try sample.build().process?.apparmorProfile
    }

    @Test func theProfileOfTheRequest() throws {
        #expect(try name { _ in } == "standard")
        #expect(try name { $0.apparmor.profileType = .runtimeDefault } == "standard")
        #expect(try name { $0.apparmor.profileType = .unconfined } == "unconfined")
        let mine = try name {
            $0.apparmor.profileType = .localhost
            $0.apparmor.localhostRef = "mine"
        }
        #expect(mine == "mine")
        #expect(try name { $0.apparmorProfile = "runtime/default" } == "standard")
        #expect(try name { $0.apparmorProfile = "unconfined" } == "unconfined")
        #expect(try name { $0.apparmorProfile = "localhost/mine" } == "mine")
        let both = try name {
            $0.apparmor.profileType = .runtimeDefault
            $0.apparmorProfile = "unconfined"
        }
        #expect(both == "standard", "the present field wins")
    }

    @Test func privilegedContainersAreConfinedOnRequestAlone() throws {
        #expect(try name { $0.privileged = true } == "unconfined")
        let asked = try name {
            $0.privileged = true
            $0.apparmor.profileType = .localhost
            $0.apparmor.localhostRef = "localhost/mine"
        }
        #expect(asked == "mine")
    }

    @Test func withoutAppArmorOnlyNamesAreRefused() throws {
        #expect(try name(appArmor: false) { _ in } == nil)
        #expect(try name(appArmor: false) { $0.apparmor.profileType = .runtimeDefault } == nil)
        #expect(try name(appArmor: false) { $0.apparmor.profileType = .unconfined } == nil)
        #expect {
            try name(appArmor: false) { $0.apparmorProfile = "localhost/mine" }
        } throws: {
            if case SpecError.unsupported(let text) = $0 { text.contains("mine") } else { false }
        }
    }

    @Test(arguments: ["localhost/", "mine", "Unconfined", "localhost/a\nb", "runtime/Default"])
    func whatIsNoProfileIsAnError(_ text: String) {
        #expect(throws: SpecError.self) { try name { $0.apparmorProfile = text } }
    }

    @Test func aNameIsNeverEmptyOrUnknown() {
        #expect(throws: SpecError.self) { try name { $0.apparmor.profileType = .localhost } }
        #expect(throws: SpecError.self) { try name { $0.apparmor.profileType = .UNRECOGNIZED(9) } }
    }

    @Test func theKernelsList() {
        let text = "swiftlet-default (enforce)\n/usr/bin/man (enforce)\nmy profile (x) (complain)\nbroken\n (enforce)\nx(enforce)\n"
        #expect(AppArmorLoader.names(text) == ["swiftlet-default", "/usr/bin/man", "my profile (x)"])
    }

    @Test func theDefaultProfileKeepsBackWhatLeadsOut() {
        let text = AppArmorProfile.text(tunables: true, base: true)
        for line in [
            "#include <tunables/global>", "#include <abstractions/base>", "profile swiftlet-default flags=(attach_disconnected,mediate_deleted) {",
            "deny mount,", "deny @{PROC}/* w,", "deny @{PROC}/sys/[^k]** w,", "deny /sys/{firmware,kernel/security}/** rwklx,",
            "deny @{PROC}/{kcore,kmem,mem,sysrq-trigger} rwklx,", "ptrace (trace,read,tracedby,readby) peer=swiftlet-default,",
            "signal (receive) peer=unconfined,", "deny /sys/[^f]*/** wklx,",
        ] {
            #expect(text.split(separator: "\n").contains { $0.drop { $0 == " " } == line }, "\(line)")
        }
        #expect(!text.contains("allow mount") && !text.contains("  mount,"))
        let bare = AppArmorProfile.text(name: "other", tunables: false, base: false)
        #expect(bare.hasPrefix("@{PROC}=/proc/\n") && !bare.contains("include") && bare.contains("peer=other,"))
        #expect(bare.filter { $0 == "{" }.count == bare.filter { $0 == "}" }.count)
    }

    /// A loader with a parser that keeps what it is given, in a directory of its own.
    private func withLoader(_ loaded: String, parser: String = "cat >\"$0.got\"", _ body: (AppArmorLoader, String) async throws -> Void) async throws {
        let directory = "/tmp/swiftlet-apparmor-\(UInt64.random(in: 0...UInt64.max))"
        try Files.makeDirectories(directory)
        var loader = AppArmorLoader()
        loader.profiles = "\(directory)/profiles"
        loader.policy = "\(directory)/policy"
        loader.parser = "\(directory)/parser"
        try Files.writeAtomically(Array(loaded.utf8), to: loader.profiles)
        try Files.writeAtomically(Array("#!/bin/sh\n[ \"$*\" = '-K -r' ] || exit 9\n\(parser)\n".utf8), to: loader.parser, mode: 0o755)
        do { try await body(loader, "\(directory)/parser.got") } catch {
            try Files.removeTree(directory)
            throw error
        }
        try Files.removeTree(directory)
    }

    @Test func whatIsNotLoadedIsAnError() async throws {
        try await withLoader("mine (enforce)\n") { loader, got in
            try await loader.require("mine")
            try await loader.require("unconfined")
            try await loader.prepare("unconfined")
            await #expect(throws: SpecError.unsupported("the AppArmor profile other is not loaded on this node: load it with apparmor_parser")) {
                try await loader.require("other")
            }
            await #expect(throws: SpecError.self) { try await loader.prepare("other") }
            #expect(!Files.exists(got), "nothing is loaded unasked")
        }
    }

    @Test func theDefaultProfileIsLoadedWhereItIsNot() async throws {
        try await withLoader("mine (enforce)\n") { loader, got in
            try await loader.require("swiftlet-default")
            #expect(try Files.readText(got) == AppArmorProfile.text(tunables: false, base: false))
        }
        try await withLoader("swiftlet-default (enforce)\n") { loader, got in
            try await loader.require("swiftlet-default")
            #expect(!Files.exists(got))
            // At start it is loaded whatever is there: a new version may say more.
            try await loader.prepare("swiftlet-default")
            #expect(Files.exists(got))
        }
        try await withLoader("", parser: "echo no such syntax >&2; exit 1") { loader, _ in
            await #expect { try await loader.prepare("swiftlet-default") } throws: { "\($0)".contains("no such syntax") }
        }
    }
}
