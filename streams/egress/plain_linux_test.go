package egress

// refuse makes c as one on a device without segmentation offload.
func refuse(c *Conn) { c.out.plain.Store(true) }
