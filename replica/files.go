package replica

import (
	"context"
	"errors"

	"github.com/pegasus-go/pegasus/replica/pacifica"
)

func (p *partition) fetchCheckpoint(ctx context.Context, e pacifica.InstallCheckpoint) error {
	return errors.New("tmp")
}
func (s *Server) registerFiles() {}
