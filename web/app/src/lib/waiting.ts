/**
 * The request of a program, which waits in its tab while somebody signs in: it is
 * too long for an address that leads back.
 */
const name = 'sandbox.authorize'

export const waiting = {
  keep: () => {
    if (location.search) sessionStorage.setItem(name, location.search)
  },
  read: () => location.search || (sessionStorage.getItem(name) ?? ''),
  forget: () => sessionStorage.removeItem(name),
}
