// Package upstream pins the Apache Go client together with what its own tests need, so that
//
//	go test github.com/apache/incubator-pegasus/go-client/pegasus
//
// runs them as they were published. They want metas on 34601-34603 and replica servers on 34801-34803.
package upstream

import (
	_ "github.com/agiledragon/gomonkey"
	_ "github.com/apache/incubator-pegasus/go-client/admin"
	_ "github.com/apache/incubator-pegasus/go-client/pegasus"
	_ "github.com/apache/incubator-pegasus/go-client/session"
	_ "github.com/fortytw2/leaktest"
	_ "github.com/stretchr/testify/assert"
	_ "github.com/stretchr/testify/require"
	_ "github.com/stretchr/testify/suite"
)
