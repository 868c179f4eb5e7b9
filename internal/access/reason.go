package access

// Reason says why somebody was refused; one code per refusal. Screens translate
// it.
type Reason string

// The reasons. Doors report them too.
const (
	None              Reason = ""
	UnknownCredential Reason = "unknown_credential"
	Inactive          Reason = "inactive" // credential revoked, its person moved out, or the host's right ended
	Expired           Reason = "expired"
	NotYetValid       Reason = "not_yet_valid"
	LostStolen        Reason = "lost_stolen"
	WrongDoor         Reason = "wrong_door"
	OutsideSchedule   Reason = "outside_schedule"
	PINWrong          Reason = "pin_wrong"
	TooManyTries      Reason = "too_many_tries"
	ClockUntrusted    Reason = "clock_untrusted"
	DeviceUntrusted   Reason = "device_untrusted"
	CredentialClass   Reason = "credential_class"  //nolint:gosec // a reason, not a secret
	CredentialReplay  Reason = "credential_replay" //nolint:gosec // a reason, not a secret
	QRExpired         Reason = "qr_expired"        // a picture of a code whose half minute is over
	ConsentMissing    Reason = "consent_missing"   // a child's, of the guardian
	LockedDown        Reason = "lockdown"
	UsedUp            Reason = "used_up"
	PhoneUnproven     Reason = "phone_unproven"
	Interlocked       Reason = "interlock"
	FirstPerson       Reason = "first_person_missing"
	EscortMissing     Reason = "escort_missing"
	Passback          Reason = "passback"
	TwoPerson         Reason = "two_person_incomplete"
	PlateUnreadable   Reason = "plate_unreadable" // what the camera read is no number plate
	PlateNeeded       Reason = "plate_needed"     // a guest's pass opens a barrier by the plate that it names
	CarInside         Reason = "car_inside"       // the booking's car is in already: this is a second one
	ConfirmNeeded     Reason = "confirm_needed"   // the host is being asked
	GateFirst         Reason = "gate_first"       // a courier's way begins at a gate

	TooOld            Reason = "too_old"      // not refused: not answered
	DoorOffline       Reason = "door_offline" // not refused: the answer could not be sent
	notACode          Reason = "other"        // a door gave a reason that is no code
	maxReasonFromDoor        = 64
)
