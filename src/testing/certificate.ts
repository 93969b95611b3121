/**
 * The certificate of a test server, for localhost, 127.0.0.1 and mail.example.org, signed by itself: give it to a client as
 * `ca`. Valid until 2126. Made with `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes
 * -days 36500 -subj /CN=mail.example.org
 * -addext subjectAltName=DNS:mail.example.org,DNS:localhost,IP:127.0.0.1`.
 */
export const TEST_CERTIFICATE: string = `\
-----BEGIN CERTIFICATE-----
MIIBvTCCAWKgAwIBAgIUXaiRMEZlWTWE/io4OiZ7I0V8bI4wCgYIKoZIzj0EAwIw
GzEZMBcGA1UEAwwQbWFpbC5leGFtcGxlLm9yZzAgFw0yNjExMjMwNTU3MTFaGA8y
MTI2MTAzMDA1NTcxMVowGzEZMBcGA1UEAwwQbWFpbC5leGFtcGxlLm9yZzBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABEY1XFjUi5AUsr2c7Kgh/TwlAm4QUXYD9HXp
Pp7i/4KHnnLOXl6/RHd2BEYf9+xmlizKK/EVYJZMk2wxooMacSKjgYEwfzAdBgNV
HQ4EFgQUh3CV7/Jg69uOBwKnr74W86bxARYwHwYDVR0jBBgwFoAUh3CV7/Jg69uO
BwKnr74W86bxARYwDwYDVR0TAQH/BAUwAwEB/zAsBgNVHREEJTAjghBtYWlsLmV4
YW1wbGUub3Jngglsb2NhbGhvc3SHBH8AAAEwCgYIKoZIzj0EAwIDSQAwRgIhAKnO
EcE36kViKS00EjH4UpGshc4Y7ojd3KwxYdv2NAYaAiEA3Lq87dfNRX3zujfwb0YQ
3U0/5spzagTGqyFt0r+dCuU=
-----END CERTIFICATE-----
`;

/** The key of {@link TEST_CERTIFICATE}: a secret of nobody. */
export const TEST_KEY: string = `\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg/Lm6ckLTFjuxIL0I
FDJbMCFEmh7YzLWYzXOvt/cpO/+hRANCAARGNVxY1IuQFLK9nOyoIf08JQJuEFF2
A/R16T6e4v+Ch55yzl5ev0R3dgRGH/fsZpYsyivxFWCWTJNsMaKDGnEi
-----END PRIVATE KEY-----
`;
