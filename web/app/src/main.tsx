import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app'
import { CrashPage } from './frame/pages'
import { direction, language } from './messages'
import './styles.css'
import { Boundary } from './ui/boundary'

document.documentElement.lang = language
document.documentElement.dir = direction

const root = document.getElementById('root')
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Boundary fallback={<CrashPage />}>
        <App />
      </Boundary>
    </StrictMode>,
  )
}
