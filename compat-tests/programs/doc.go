// Package programs gets the client programs that tests run: it installs what Debian packages bring, builds the Go programs of
// nested modules, and makes the Python environment with its client. What is made once is kept for the test process, the Python
// environment for the user.
package programs
