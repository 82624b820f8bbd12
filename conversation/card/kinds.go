package card

// Kinds lists every kind, in the order of the constants.
func Kinds() []Kind {
	return []Kind{
		KindText, KindToolCall, KindChoice, KindForm, KindSecret, KindPlan, KindCost, KindApproval,
		KindProgress, KindFlow, KindLink, KindNotice, KindError,
		KindDiff, KindBash, KindPreviewLink, KindPermission, KindTodo, KindImage,
	}
}

// NewData gives a pointer to a new value of the kind's data type, or nil for a
// kind whose cards have no typed data.
func NewData(k Kind) any {
	switch k {
	case KindToolCall:
		return new(ToolCallData)
	case KindChoice:
		return new(ChoiceData)
	case KindForm:
		return new(FormData)
	case KindSecret:
		return new(SecretData)
	case KindPlan:
		return new(PlanData)
	case KindCost:
		return new(CostData)
	case KindApproval:
		return new(ApprovalData)
	case KindProgress:
		return new(ProgressData)
	case KindFlow:
		return new(FlowData)
	case KindLink:
		return new(LinkData)
	case KindNotice, KindError:
		return new(NoticeData)
	case KindBash:
		return new(BashData)
	case KindDiff:
		return new(DiffData)
	case KindPermission:
		return new(PermissionData)
	case KindPreviewLink:
		return new(PreviewLinkData)
	case KindTodo:
		return new(TodoData)
	default:
		return nil
	}
}
