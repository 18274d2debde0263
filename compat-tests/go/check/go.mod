module github.com/pegasus-go/pegasus/compat-tests/go/check

go 1.18
