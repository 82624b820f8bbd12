import { Component, type ReactNode } from 'react'

interface Props {
  fallback: ReactNode
  /** Another value gives the part that failed a new chance. */
  retryOn?: unknown
  children: ReactNode
}

/** Shows `fallback` where a part fails to render or to load, and keeps the rest. */
export class Boundary extends Component<Props, { failed: boolean }> {
  override state = { failed: false }

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true }
  }

  override componentDidUpdate(before: Props): void {
    if (this.state.failed && before.retryOn !== this.props.retryOn) this.setState({ failed: false })
  }

  override render(): ReactNode {
    return this.state.failed ? this.props.fallback : this.props.children
  }
}
