/// Made once with openssl for these tests: an authority, a server `localhost` / 127.0.0.1 and a client, valid for a hundred years.
enum TestCertificates {
    static let authority = """
        -----BEGIN CERTIFICATE-----
        MIIBmTCCAT+gAwIBAgIUUjYNZdvMdWFfwLtm7IyvHNcZkIgwCgYIKoZIzj0EAwIw
        GTEXMBUGA1UEAwwOVGVzdCBBdXRob3JpdHkwIBcNMjYxMTIzMjA0NDQ2WhgPMjEy
        NjEwMzAyMDQ0NDZaMBkxFzAVBgNVBAMMDlRlc3QgQXV0aG9yaXR5MFkwEwYHKoZI
        zj0CAQYIKoZIzj0DAQcDQgAEUpfSOhKsEsUjgAOsiOmujRPOC1SDEXLyyPNVWOlx
        M6INESs82+UvfxwW3YmANyZ/tuWKOW1UIUbVClnwAhCqEaNjMGEwHQYDVR0OBBYE
        FHt0J1lsaXlyzXKbge0gnBWzdXUyMB8GA1UdIwQYMBaAFHt0J1lsaXlyzXKbge0g
        nBWzdXUyMA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgIEMAoGCCqGSM49
        BAMCA0gAMEUCICG9vkPF4oFv6/ACJWs4l/3BSfhF8qiCbzXyqCFhISNNAiEAl8Qf
        5WiMsMDuSBrMd2K58aDGVuZVvzsKNiRy1ldHKl4=
        -----END CERTIFICATE-----
        """
    static let server = """
        -----BEGIN CERTIFICATE-----
        MIIBkzCCATmgAwIBAgIBAjAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5UZXN0IEF1
        dGhvcml0eTAgFw0yNjExMjMyMDQ0NDZaGA8yMTI2MTAzMDIwNDQ0NlowFjEUMBIG
        A1UEAwwLVGVzdCBzZXJ2ZXIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQq1v0P
        A/zhRT9wiWKx8U62unLZjwMDsTrFcgI1miX0d4fn4+qaxw7pTACTIpyea24LZ0Nh
        rTPaOs2izMF7C1dro3MwcTAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwEwYD
        VR0lBAwwCgYIKwYBBQUHAwEwHQYDVR0OBBYEFGvxttnLp60A4XBuzRoQy+FStDK4
        MB8GA1UdIwQYMBaAFHt0J1lsaXlyzXKbge0gnBWzdXUyMAoGCCqGSM49BAMCA0gA
        MEUCIQC8cRt825qlTV2CBHw7CgBwiHnXfzEE1j4Erlsg9WL+4QIgSwccw7BXaMkp
        zMmi+6oBlXkdRFBD9l8liE3uWj57W5A=
        -----END CERTIFICATE-----
        """
    static let serverKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg87GmfDPs2xR/StQG
        dluApGgZjtm0au2CP2FgLBb5BdKhRANCAAQq1v0PA/zhRT9wiWKx8U62unLZjwMD
        sTrFcgI1miX0d4fn4+qaxw7pTACTIpyea24LZ0NhrTPaOs2izMF7C1dr
        -----END PRIVATE KEY-----
        """
    static let client = """
        -----BEGIN CERTIFICATE-----
        MIIBdzCCAR2gAwIBAgIBAzAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5UZXN0IEF1
        dGhvcml0eTAgFw0yNjExMjMyMDQ0NDZaGA8yMTI2MTAzMDIwNDQ0NlowFjEUMBIG
        A1UEAwwLVGVzdCBjbGllbnQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAT6/I70
        5ulBKjQuSuqHTqZrwUwkkp+tu2CdKyR56xV5yOWE+fnv22YxCNUX14Cu5KqO0fe0
        OJ9nHd7WCMA6mIMfo1cwVTATBgNVHSUEDDAKBggrBgEFBQcDAjAdBgNVHQ4EFgQU
        diXN6g6/WmfbP89js3TY3af/U1gwHwYDVR0jBBgwFoAUe3QnWWxpeXLNcpuB7SCc
        FbN1dTIwCgYIKoZIzj0EAwIDSAAwRQIhAO21OZzMedJU1m7QfcU5b00P8JHb25Bm
        R39yI0wm3i8CAiBHesxIh1RFXsYvEkBRgKaspGYakRNFFnCU3yfrtMHiiA==
        -----END CERTIFICATE-----
        """
    static let clientKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgdzcufys3OWVKkJde
        3w2WNBJ3FoH2pXhF5mK4Wq0HfNahRANCAAT6/I705ulBKjQuSuqHTqZrwUwkkp+t
        u2CdKyR56xV5yOWE+fnv22YxCNUX14Cu5KqO0fe0OJ9nHd7WCMA6mIMf
        -----END PRIVATE KEY-----
        """
}
