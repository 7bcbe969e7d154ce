// swift-tools-version: 6.2
import PackageDescription

/// Set by `make fuzz` alone: libFuzzer's instrumentation for our modules, and the fuzz targets as a program of their own.
let isFuzzing = Context.environment["SWIFTLET_FUZZ"] != nil
let instrumented: [SwiftSetting] = isFuzzing ? [.define("FUZZING"), .unsafeFlags(["-sanitize=fuzzer", "-enable-testing"])] : []

/// What holds for every Swift target of ours: a warning is an error.
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny")] + instrumented

/// Dependencies of targets, named once.
extension Target.Dependency {
    static let log = product(name: "Logging", package: "swift-log")
    static let nioCore = product(name: "NIOCore", package: "swift-nio")
    static let nioPosix = product(name: "NIOPosix", package: "swift-nio")
    static let nioHTTP1 = product(name: "NIOHTTP1", package: "swift-nio")
    static let nioHTTP2 = product(name: "NIOHTTP2", package: "swift-nio-http2")
    static let nioHPACK = product(name: "NIOHPACK", package: "swift-nio-http2")
    static let nioWebSocket = product(name: "NIOWebSocket", package: "swift-nio")
    static let nioEmbedded = product(name: "NIOEmbedded", package: "swift-nio")
    static let nioSSL = product(name: "NIOSSL", package: "swift-nio-ssl")
    static let httpClient = product(name: "AsyncHTTPClient", package: "async-http-client")
    static let crypto = product(name: "Crypto", package: "swift-crypto")
    static let grdb = product(name: "GRDB", package: "GRDB.swift")
    static let sqlite = product(name: "GRDBSQLite", package: "GRDB.swift")
    static let toml = product(name: "TOMLKit", package: "TOMLKit")
    static let yams = product(name: "Yams", package: "Yams")
    static let protobuf = product(name: "SwiftProtobuf", package: "swift-protobuf")
    static let grpcCore = product(name: "GRPCCore", package: "grpc-swift-2")
    static let grpcProtobuf = product(name: "GRPCProtobuf", package: "grpc-swift-protobuf")
    static let grpcTransport = product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport")
    static let arguments = product(name: "ArgumentParser", package: "swift-argument-parser")
}

/// A Swift library of ours, in the folder under Sources that bears its name.
func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// The unit tests of the library `subject`.
func tests(_ subject: String, _ more: [Target.Dependency] = [], fixtures: Bool = false) -> Target {
    .testTarget(
        name: "\(subject)Tests",
        dependencies: [.init(stringLiteral: subject)] + more,
        resources: fixtures ? [.copy("Fixtures")] : [],
        swiftSettings: strict)
}

/// The fuzz targets: tests over their corpus, or a program with libFuzzer inside.
let fuzzedLibraries: [Target.Dependency] = [
    "Streaming", "Transport", "Images", "Registry", "OCIRuntime", "CDI", "Cgroups", "Networking", "Node", "DaemonConfiguration", "OCI", "CRI", "Linux",
    .nioCore, .nioHPACK, .nioWebSocket, .protobuf,
]
let fuzzTests: [Target] =
    isFuzzing
    ? [
        .target(name: "CFuzzer", path: "Tests/CFuzzer"),
        .executableTarget(
            name: "swiftlet-fuzz", dependencies: fuzzedLibraries + ["CFuzzer"], path: "Tests/FuzzTests", exclude: ["Corpus"],
            swiftSettings: strict, linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])]),
    ] : [.testTarget(name: "FuzzTests", dependencies: fuzzedLibraries, exclude: ["Corpus"], swiftSettings: strict)]

let package = Package(
    name: "swiftlet",
    products: [
        .executable(name: "swiftlet", targets: ["swiftlet"]),
        .executable(name: "swiftlet-pin", targets: ["swiftlet-pin"]),
        .executable(name: "swiftlet-bench", targets: ["swiftlet-bench"]),
    ] + (isFuzzing ? [.executable(name: "swiftlet-fuzz", targets: ["swiftlet-fuzz"])] : []),
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    ],
    targets: [
        // C libraries of the system, and our own C.
        .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CISAL", pkgConfig: "libisal", providers: [.apt(["libisal-dev"])]),
        .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
        .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .target(name: "CLinux", cSettings: [.define("_GNU_SOURCE")]),
        .executableTarget(name: "swiftlet-pin", cSettings: [.define("_GNU_SOURCE")]),

        // From the bottom up: a library depends on those above it in this list alone.
        library("Linux", ["CLinux", .log, .nioCore, .nioPosix]),
        library("OCI", []),
        library("TOML", [.toml]),
        library("DaemonConfiguration", ["TOML", .toml, .log]),
        library("Store", ["Linux", .grdb, .sqlite]),
        library("CRI", [.protobuf, .grpcCore, .grpcProtobuf]),
        library("Cgroups", ["Linux", "OCI", "CSystemd"]),
        library("CDI", ["Linux", .yams]),
        library("Networking", ["Linux", .log]),
        library("Registry", ["TOML", "Linux", "OCI", .toml, .log, .nioCore, .nioPosix, .nioSSL, .httpClient, .crypto]),
        library("Images", ["Registry", "Store", "Linux", "OCI", "CArchive", "CISAL", "CZstd", .crypto, .log, .nioCore, .nioPosix]),
        library("OCIRuntime", ["Linux", "OCI", "CRI", "Cgroups", "CDI", "CSeccomp", .yams, .log]),
        library("Telemetry", [.log]),
        library(
            "Node",
            [
                "Images", "OCIRuntime", "CDI", "Networking", "Cgroups", "Telemetry", "Store", "DaemonConfiguration", "OCI", "Linux", "CRI", .protobuf, .log,
            ]),
        library("Streaming", ["Linux", "CZlib", .log, .nioCore, .nioPosix, .nioHTTP1, .nioWebSocket, .nioSSL, .crypto]),
        library("Transport", [.grpcCore, .nioCore, .nioPosix, .nioHTTP2, .nioHPACK]),
        // The other end, for tests and measurements; no part of the daemon.
        library("StreamingClient", ["Streaming", .nioCore, .nioPosix, .nioWebSocket, .nioSSL]),
        library("CRIService", ["Node", "Images", "Registry", "CRI", "Linux", .grpcCore, .grpcProtobuf, .log]),
        .executableTarget(
            name: "swiftlet",
            dependencies: [
                "CRIService", "Transport", "Streaming", "Node", "Images", "Registry", "Networking", "OCIRuntime", "OCI", "Cgroups", "Telemetry", "Store",
                "DaemonConfiguration", "CRI", "Linux", .arguments, .grpcCore, .log, .nioCore,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "swiftlet-bench", dependencies: ["CRI", "Streaming", "StreamingClient", .grpcCore, .grpcTransport, .nioCore, .arguments],
            swiftSettings: strict),

        tests("Linux"),
        tests("OCI"),
        tests("TOML"),
        tests("DaemonConfiguration"),
        tests("Store", ["Linux"]),
        tests("Cgroups", ["Linux"]),
        tests("Networking", ["Linux", .log]),
        tests("Registry", ["OCI", .log, .nioCore, .nioPosix, .nioHTTP1, .nioSSL]),
        tests("Images"),
        tests("CDI", ["Linux"]),
        tests("OCIRuntime", ["CRI", "OCI", "CDI", "Linux", "CSeccomp", .log]),
        tests("Telemetry", [.log]),
        tests("Node", ["CRI", "Cgroups", "Images", "Linux", "Networking", "OCI", "OCIRuntime", "Store"]),
        tests("Streaming", ["StreamingClient", .nioEmbedded, .nioHTTP1]),
        tests("CRIService", ["CRI", "Node", "Linux", .grpcCore, .nioCore]),
        tests("Transport", [.grpcCore, .nioCore, .nioPosix, .nioHTTP2, .nioHPACK]),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "CRI", "Linux", "Streaming", "StreamingClient", .grpcCore, .grpcTransport, .nioCore, .nioSSL, .crypto, "swiftlet", "swiftlet-pin",
            ], swiftSettings: strict),
    ] + fuzzTests
)
